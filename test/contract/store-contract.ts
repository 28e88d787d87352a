import { expect, test } from "vitest";
import type { JsonValue } from "../../src/core/values/json.ts";
import { ConflictError, type DocumentKey, type DocumentStore } from "../../src/ports/store.ts";
import { describeStoreLists } from "./store-lists-contract.ts";

export interface StoreUnderTest {
  readonly store: DocumentStore;
}

const log = (id: string): DocumentKey => ({ collection: "taskLogs", id: `b/${id}` });
const batch = (id: string): DocumentKey => ({ collection: "batches", id });

/** What every document store must do: the protocol of the engine rests on each of these. */
export function describeStore(open: () => StoreUnderTest | Promise<StoreUnderTest>): void {
  test("create is refused when the document exists, and leaves it as it was", async () => {
    const { store } = await open();
    await store.commit([{ kind: "create", key: log("a"), data: { nonce: "1" } }]);
    await expect(store.commit([{ kind: "create", key: log("a"), data: { nonce: "2" } }])).rejects.toThrow(
      ConflictError,
    );
    expect((await store.get(log("a"))).document?.data).toEqual({ nonce: "1" });
  });

  test("update takes the version that was read, once", async () => {
    const { store } = await open();
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

  test("update and delete of a missing document are refused", async () => {
    const { store } = await open();
    await expect(store.commit([{ kind: "update", key: log("a"), version: "1", data: {} }])).rejects.toThrow(
      ConflictError,
    );
    await expect(store.commit([{ kind: "delete", key: log("a"), version: "1" }])).rejects.toThrow(
      ConflictError,
    );
  });

  test("a document that was deleted and created again has another version", async () => {
    const { store } = await open();
    const first = await store.commit([{ kind: "create", key: log("a"), data: {} }]);
    await store.commit([{ kind: "delete", key: log("a"), version: first.version }]);
    const second = await store.commit([{ kind: "create", key: log("a"), data: {} }]);
    expect(second.version).not.toBe(first.version);
  });

  test("a commit of several writes is applied as a whole or not at all", async () => {
    const { store } = await open();
    await store.commit([{ kind: "create", key: log("b"), data: {} }]);
    await expect(
      store.commit([
        { kind: "create", key: log("a"), data: {} },
        { kind: "create", key: log("b"), data: {} },
      ]),
    ).rejects.toThrow(ConflictError);
    expect((await store.get(log("a"))).document).toBeUndefined();
  });

  test("a rejected commit undoes no concurrent write", async () => {
    const { store } = await open();
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
    const { store } = await open();
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
    const { store } = await open();
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

  test("documents are found by a string of their array that is queried, as long as they have it", async () => {
    const { store } = await open();
    const event = { field: "arrivals", equals: "b/event/go" };
    const data = { arrivals: ["b/event/go", "x"] };
    const { version } = await store.commit([{ kind: "create", key: log("a"), data }]);
    await store.commit([{ kind: "create", key: log("b"), data: { arrivals: ["b/event/other"] } }]);
    const found = async () =>
      (await store.query("taskLogs", [event], { limit: 9 })).documents.map(({ key }) => key.id);
    expect([await found(), await store.count("taskLogs", event)]).toEqual([["b/a"], 1]);
    await store.commit([{ kind: "update", key: log("a"), version, data: { arrivals: ["x"] } }]);
    expect([await found(), await store.count("taskLogs", event)]).toEqual([[], 0]);
  });

  test("a refused write changes no count", async () => {
    const { store } = await open();
    await store.commit([{ kind: "create", key: log("a"), data: { arrivals: ["x"] } }]);
    const again = store.commit([{ kind: "create", key: log("a"), data: { arrivals: ["y"] } }]);
    await expect(again).rejects.toThrow(ConflictError);
    expect(await store.count("taskLogs", { field: "arrivals", equals: "y" })).toBe(0);
  });

  test("queries by equality, in a finite number of pages that contain each document once", async () => {
    const { store } = await open();
    const statuses = ["RUNNING", "RUNNING", "SUCCESS", "RUNNING", "RUNNING"];
    for (const [index, status] of statuses.entries())
      await store.commit([{ kind: "create", key: batch(String(index)), data: { status } }]);
    const running = [{ field: "status", equals: "RUNNING" }];
    const found: string[] = [];
    let startAfter: string | undefined;
    for (;;) {
      const options = { limit: 2, ...(startAfter !== undefined && { startAfter }) };
      const { documents } = await store.query("batches", running, options);
      if (documents.length === 0) break;
      found.push(...documents.map((document) => document.key.id));
      startAfter = documents.at(-1)?.key.id;
    }
    expect(found.sort()).toEqual(["0", "1", "3", "4"]);
    expect((await store.query("batches", [], { limit: 9 })).documents).toHaveLength(5);
  });

  test("a page starts after a document that has been deleted since", async () => {
    const { store } = await open();
    for (const id of ["1", "2", "3"])
      await store.commit([{ kind: "create", key: batch(id), data: { status: "RUNNING" } }]);
    const all = (await store.query("batches", [], { limit: 9 })).documents;
    const [first, ...rest] = all;
    if (!first) throw new Error("there are three");
    await store.commit([{ kind: "delete", key: first.key, version: first.version }]);
    const { documents } = await store.query("batches", [], { limit: 9, startAfter: first.key.id });
    expect(documents.map(({ key }) => key.id)).toEqual(rest.map(({ key }) => key.id));
  });

  test("all conditions of a query must hold", async () => {
    const { store } = await open();
    const put = (id: string, status: string, lineageId: string) =>
      store.commit([{ kind: "create", key: batch(id), data: { status, lineageId } }]);
    await put("1", "RUNNING", "a");
    await put("2", "RUNNING", "b");
    await put("3", "ERROR", "a");
    const conditions = [
      { field: "status", equals: "RUNNING" },
      { field: "lineageId", equals: "a" },
    ];
    const { documents } = await store.query("batches", conditions, { limit: 9 });
    expect(documents.map(({ key }) => key.id)).toEqual(["1"]);
  });

  test("an update replaces the whole document", async () => {
    const { store } = await open();
    const { version } = await store.commit([
      { kind: "create", key: log("a"), data: { nonce: "1", gone: { deep: true } } },
    ]);
    await store.commit([{ kind: "update", key: log("a"), version, data: { nonce: "2" } }]);
    expect((await store.get(log("a"))).document?.data).toEqual({ nonce: "2" });
  });

  test("data is read back unchanged, with its keys in order", async () => {
    const { store } = await open();
    let nested: JsonValue = "bottom";
    for (let depth = 0; depth < 60; depth += 1) nested = depth % 2 === 0 ? [nested] : { next: nested };
    const data = {
      z: 1,
      a: { y: [[1], [[]], {}], x: null, "with.dot": true, __name__: "n", "": "empty" },
      nested,
      text: "\ud83d\ude00 \ud800 \u0000 line\nline",
      numbers: [0, -1.5, 1e300, 9007199254740991, 0.1],
      arrivals: ["x"],
    };
    await store.commit([{ kind: "create", key: log("a"), data }]);
    const found = (await store.get(log("a"))).document?.data;
    expect(JSON.stringify(found)).toBe(JSON.stringify(data));
  });

  test("ids may hold whatever the engine puts into them", async () => {
    const { store } = await open();
    const ids = ["b/$end", "b/a%2Fb~c", "b/~1", "b//", "b/äöü 😀", "b/..", `b/${"x".repeat(1_000)}`];
    for (const id of ids)
      await store.commit([
        { kind: "create", key: { collection: "taskLogs", id }, data: { id, batchId: "b" } },
      ]);
    for (const id of ids)
      expect((await store.get({ collection: "taskLogs", id })).document?.data).toMatchObject({ id });
    const { documents } = await store.query("taskLogs", [{ field: "batchId", equals: "b" }], { limit: 99 });
    expect(documents.map(({ key }) => key.id).sort()).toEqual([...ids].sort());
  });

  test("finds by a long value, and by no other that begins the same", async () => {
    const { store } = await open();
    const long = "k".repeat(3_000);
    const put = (id: string, key: string) =>
      store.commit([{ kind: "create", key: { collection: "callbacks", id }, data: { key } }]);
    await put("1", `${long}1`);
    await put("2", `${long}2`);
    const found = await store.query("callbacks", [{ field: "key", equals: `${long}2` }], { limit: 9 });
    expect(found.documents.map(({ key }) => key.id)).toEqual(["2"]);
    expect(await store.count("callbacks", { field: "key", equals: `${long}1` })).toBe(1);
  });

  test("independent updates and deletes are judged each by its own version", async () => {
    const { store } = await open();
    const keys = ["a", "b", "c", "d"].map(log);
    const created = await store.commitEach(
      keys.map((key) => ({ kind: "create", key, data: { nonce: "1" } })),
    );
    const versions = created.map((result) => (result.ok ? result.committed.version : ""));
    await store.commit([{ kind: "update", key: log("b"), version: versions[1] ?? "", data: { nonce: "2" } }]);
    const results = await store.commitEach([
      { kind: "update", key: log("a"), version: versions[0] ?? "", data: { nonce: "3" } },
      { kind: "update", key: log("b"), version: versions[1] ?? "", data: { nonce: "3" } },
      { kind: "delete", key: log("c"), version: versions[2] ?? "" },
      { kind: "delete", key: log("d"), version: versions[1] ?? "" },
    ]);
    const isOne = versions[1] === versions[3];
    expect(results.map((result) => result.ok)).toEqual([true, false, true, isOne]);
    const nonces = await Promise.all(keys.map(async (key) => (await store.get(key)).document?.data.nonce));
    expect(nonces.slice(0, 3)).toEqual(["3", "2", undefined]);
  });

  test("many independent writes at once all take place", async () => {
    const { store } = await open();
    const keys = Array.from({ length: 500 }, (_, index) => log(String(index)));
    const results = await store.commitEach(
      keys.map((key) => ({ kind: "create", key, data: { arrivals: ["x"] } })),
    );
    expect(results.every(({ ok }) => ok)).toBe(true);
    expect(await store.count("taskLogs", { field: "arrivals", equals: "x" })).toBe(500);
  });

  test.each(["taskLogs", "events"] as const)(
    "%s are found by their batch, and by no batch whose id begins the same",
    async (collection) => {
      const { store } = await open();
      for (const id of ["b/1", "b/2", "b-/1", "b0/1", "bb/1"])
        await store.commit([
          { kind: "create", key: { collection, id }, data: { batchId: id.split("/")[0] ?? "" } },
        ]);
      const found = await store.query(collection, [{ field: "batchId", equals: "b" }], { limit: 9 });
      expect(found.documents.map((document) => document.key.id).sort()).toEqual(["b/1", "b/2"]);
    },
  );

  test("has its own clock: a document is as old as the store says", async () => {
    const { store } = await open();
    const { commitTime } = await store.commit([{ kind: "create", key: log("a"), data: {} }]);
    const { document, readTime } = await store.get(log("a"));
    expect(document?.updateTime).toBe(commitTime);
    expect(readTime).toBeGreaterThanOrEqual(commitTime);
  });

  test("of many that race for one version, one wins", async () => {
    const { store } = await open();
    const { version } = await store.commit([{ kind: "create", key: log("a"), data: {} }]);
    const racers = Array.from({ length: 20 }, (_, index) =>
      store.commit([{ kind: "update", key: log("a"), version, data: { nonce: String(index) } }]),
    );
    const outcomes = await Promise.allSettled(racers);
    expect(outcomes.filter((outcome) => outcome.status === "fulfilled")).toHaveLength(1);
  });

  describeStoreLists(open);
}
