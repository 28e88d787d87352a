import { expect, test } from "vitest";
import { ConflictError, type DocumentKey, type DocumentStore } from "../../src/ports/store.ts";

export interface StoreUnderTest {
  readonly store: DocumentStore;
}

const log = (id: string): DocumentKey => ({ collection: "taskLogs", id: `b/${id}` });
const batch = (id: string): DocumentKey => ({ collection: "batches", id });

/** What every document store must do: the protocol of the engine rests on each of these. */
export function describeStore(open: () => StoreUnderTest): void {
  test("create is refused when the document exists, and leaves it as it was", async () => {
    const { store } = open();
    await store.commit([{ kind: "create", key: log("a"), data: { nonce: "1" } }]);
    await expect(store.commit([{ kind: "create", key: log("a"), data: { nonce: "2" } }])).rejects.toThrow(
      ConflictError,
    );
    expect((await store.get(log("a"))).document?.data).toEqual({ nonce: "1" });
  });

  test("update takes the version that was read, once", async () => {
    const { store } = open();
    const { version } = await store.commit([{ kind: "create", key: log("a"), data: { nonce: "1" } }]);
    const second = await store.commit([{ kind: "update", key: log("a"), version, data: { nonce: "2" } }]);
    expect(second.version).not.toBe(version);
    await expect(
      store.commit([{ kind: "update", key: log("a"), version, data: { nonce: "3" } }]),
    ).rejects.toThrow(ConflictError);
    expect((await store.get(log("a"))).document).toMatchObject({
      data: { nonce: "2" },
      version: second.version,
    });
  });

  test("update and delete of a document that is not there are refused", async () => {
    const { store } = open();
    await expect(store.commit([{ kind: "update", key: log("a"), version: "1", data: {} }])).rejects.toThrow(
      ConflictError,
    );
    await expect(store.commit([{ kind: "delete", key: log("a"), version: "1" }])).rejects.toThrow(
      ConflictError,
    );
  });

  test("a document that was deleted and created again has another version", async () => {
    const { store } = open();
    const first = await store.commit([{ kind: "create", key: log("a"), data: {} }]);
    await store.commit([{ kind: "delete", key: log("a"), version: first.version }]);
    const second = await store.commit([{ kind: "create", key: log("a"), data: {} }]);
    expect(second.version).not.toBe(first.version);
  });

  test("a commit of several writes is applied as a whole or not at all", async () => {
    const { store } = open();
    await store.commit([{ kind: "create", key: log("b"), data: {} }]);
    await expect(
      store.commit([
        { kind: "create", key: log("a"), data: {} },
        { kind: "create", key: log("b"), data: {} },
      ]),
    ).rejects.toThrow(ConflictError);
    expect((await store.get(log("a"))).document).toBeUndefined();
  });

  test("a refused commit undoes nothing that others wrote at the same time", async () => {
    const { store } = open();
    await store.commit([{ kind: "create", key: log("a"), data: {} }]);
    const mark = store.mark();
    const results = await Promise.allSettled([
      store.commit([{ kind: "create", key: log("b"), data: {} }]),
      store.commit([{ kind: "create", key: log("a"), data: {} }]),
      store.commit([{ kind: "create", key: log("c"), data: {} }]),
    ]);
    await store.sync(mark);
    expect(results.map((result) => result.status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect((await store.get(log("b"))).document).toBeDefined();
    expect((await store.get(log("c"))).document).toBeDefined();
  });

  test("independent writes have a result each", async () => {
    const { store } = open();
    await store.commit([{ kind: "create", key: log("b"), data: {} }]);
    const results = await store.commitEach([
      { kind: "create", key: log("a"), data: {} },
      { kind: "create", key: log("b"), data: {} },
      { kind: "create", key: log("c"), data: {} },
    ]);
    expect(results.map((result) => result.ok)).toEqual([true, false, true]);
    expect((await store.get(log("c"))).document).toBeDefined();
  });

  test("a count sees every commit that returned before it, and follows updates and deletes", async () => {
    const { store } = open();
    const arrivals = (...tokens: string[]) => ({ arrivals: tokens });
    const count = (token: string) => store.count("taskLogs", { field: "arrivals", equals: token });
    const a = await store.commit([{ kind: "create", key: log("a"), data: arrivals() }]);
    await store.commit([{ kind: "create", key: log("b"), data: arrivals("x") }]);
    expect(await count("x")).toBe(1);
    const again = await store.commit([
      { kind: "update", key: log("a"), version: a.version, data: arrivals("x", "y") },
    ]);
    expect([await count("x"), await count("y")]).toEqual([2, 1]);
    const last = await store.commit([
      { kind: "update", key: log("a"), version: again.version, data: arrivals("y") },
    ]);
    expect([await count("x"), await count("y")]).toEqual([1, 1]);
    await store.commit([{ kind: "delete", key: log("a"), version: last.version }]);
    expect([await count("x"), await count("y")]).toEqual([1, 0]);
  });

  test("a refused write changes no count", async () => {
    const { store } = open();
    await store.commit([{ kind: "create", key: log("a"), data: { arrivals: ["x"] } }]);
    const again = store.commit([{ kind: "create", key: log("a"), data: { arrivals: ["y"] } }]);
    await expect(again).rejects.toThrow(ConflictError);
    expect(await store.count("taskLogs", { field: "arrivals", equals: "y" })).toBe(0);
  });

  test("queries by equality, in pages, in the order of the ids", async () => {
    const { store } = open();
    for (const [id, status] of [
      ["3", "RUNNING"],
      ["1", "RUNNING"],
      ["2", "SUCCESS"],
      ["4", "RUNNING"],
    ] as const)
      await store.commit([{ kind: "create", key: batch(id), data: { status } }]);
    const running = [{ field: "status", equals: "RUNNING" }];
    const ids = async (options: { limit: number; startAfter?: string }) =>
      (await store.query("batches", running, options)).documents.map((document) => document.key.id);
    expect(await ids({ limit: 2 })).toEqual(["1", "3"]);
    expect(await ids({ limit: 2, startAfter: "3" })).toEqual(["4"]);
    expect((await store.query("batches", [], { limit: 9 })).documents).toHaveLength(4);
  });

  test("logs are found by their batch, and by no batch whose id begins the same", async () => {
    const { store } = open();
    for (const id of ["b/1", "b/2", "b-/1", "b0/1", "bb/1"])
      await store.commit([
        { kind: "create", key: { collection: "taskLogs", id }, data: { batchId: id.split("/")[0] ?? "" } },
      ]);
    const found = await store.query("taskLogs", [{ field: "batchId", equals: "b" }], { limit: 9 });
    expect(found.documents.map((document) => document.key.id)).toEqual(["b/1", "b/2"]);
  });

  test("tells its own time: a document is as old as the store says", async () => {
    const { store } = open();
    const { commitTime } = await store.commit([{ kind: "create", key: log("a"), data: {} }]);
    const { document, readTime } = await store.get(log("a"));
    expect(document?.updateTime).toBe(commitTime);
    expect(readTime).toBeGreaterThanOrEqual(commitTime);
  });

  test("of many that race for one version, one wins", async () => {
    const { store } = open();
    const { version } = await store.commit([{ kind: "create", key: log("a"), data: {} }]);
    const racers = Array.from({ length: 20 }, (_, index) =>
      store.commit([{ kind: "update", key: log("a"), version, data: { nonce: String(index) } }]),
    );
    const outcomes = await Promise.allSettled(racers);
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
  });
}
