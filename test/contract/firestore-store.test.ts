import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { FirestoreDocumentStore } from "../../src/adapters/firestore/document-store.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import { limits } from "../../src/core/limits.ts";
import { commitAtomic, commitEachIdempotent } from "../../src/engine/records/commit.ts";
import type { Clock } from "../../src/ports/machine.ts";
import type { DocumentKey } from "../../src/ports/store.ts";
import { firestoreIndexes } from "../cloud/indexes.ts";
import { type FirestoreServer, startFirestoreServer } from "../servers/firestore/server.ts";
import type { Fault } from "../servers/kit/faults.ts";
import { VirtualClock } from "../support/virtual-clock.ts";
import { describeStore } from "./store-contract.ts";

/** The address of a foreign server, when the environment names one. */
const foreign = process.env.FIRESTORE_EMULATOR_HOST;
let server: FirestoreServer | undefined;

beforeAll(async () => {
  process.env.METADATA_SERVER_DETECTION = "none";
  if (foreign !== undefined) return;
  server = await startFirestoreServer({ indexes: firestoreIndexes });
  process.env.FIRESTORE_EMULATOR_HOST = server.host;
});

afterAll(async () => {
  await server?.close();
  if (foreign === undefined) delete process.env.FIRESTORE_EMULATOR_HOST;
});

/** Each on a project of its own: they share the server. */
function openStore(): FirestoreDocumentStore {
  const store = storeBy(systemClock);
  onTestFinished(() => store.close());
  return store;
}

function storeBy(clock: Clock): FirestoreDocumentStore {
  const settings = {
    projectId: `p-${randomUUID()}`,
    databaseId: "(default)",
    retentionSeconds: limits.minRetentionSeconds,
  };
  return new FirestoreDocumentStore(settings, clock);
}

describe("the Firestore store", () => {
  describeStore(() => ({ store: openStore() }));
});

const faults: readonly Fault[] = [
  { kind: "not_sent" },
  { kind: "reply_lost" },
  { kind: "error_after" },
  { kind: "duplicated" },
  { kind: "slow", delayMs: 50 },
];

describe.skipIf(foreign !== undefined).each(faults)("under the fault $kind", (fault) => {
  const key = (id: string): DocumentKey => ({ collection: "taskLogs", id: `b/${id}` });
  /** The next call of the method meets the fault. */
  const fail = (method: string) => {
    let isMet = false;
    server?.setFaults((call) => {
      if (call.method !== method || isMet) return undefined;
      isMet = true;
      return fault;
    });
    onTestFinished(() => server?.setFaults(() => undefined));
    return () => expect(isMet).toBe(true);
  };

  test("our own claim is recognised as ours, and is applied once", async () => {
    const store = openStore();
    const expectMet = fail("Commit");
    const write = { kind: "create", key: key("a"), data: { nonce: "mine" } } as const;
    const outcome = await Promise.resolve(commitAtomic(store, [write])).catch(() => undefined);
    expectMet();
    const { document } = await store.get(key("a"));
    // If an error hides an unapplied commit, the caller gets the error, and nothing is stored.
    expect(document?.data).toEqual(outcome ? { nonce: "mine" } : undefined);
    if (outcome) expect(outcome).toMatchObject({ kind: "won", committed: { version: document?.version } });
    else expect(fault.kind).toBe("not_sent");
  });

  test("another worker's claim never counts as ours", async () => {
    const store = openStore();
    const { version } = await store.commit([{ kind: "create", key: key("a"), data: { nonce: "his" } }]);
    const expectMet = fail("Commit");
    const outcome = await commitAtomic(store, [{ kind: "create", key: key("a"), data: { nonce: "mine" } }]);
    expectMet();
    expect(outcome).toMatchObject({ kind: "lost", current: [{ document: { version } }] });
  });

  test("the outcome of each independent write is reported separately", async () => {
    const store = openStore();
    await store.commit([{ kind: "create", key: key("b"), data: { nonce: "his" } }]);
    const expectMet = fail("BatchWrite");
    const write = (id: string) => ({ kind: "create", key: key(id), data: { nonce: `mine ${id}` } }) as const;
    const outcomes = await commitEachIdempotent(store, ["a", "b", "c"].map(write)).catch(() => undefined);
    expectMet();
    if (outcomes) expect(outcomes.map(({ kind }) => kind)).toEqual(["won", "lost", "won"]);
    else expect((await store.get(key("a"))).document).toBeUndefined();
  });

  test("reads and counts succeed", async () => {
    const store = openStore();
    await store.commit([{ kind: "create", key: key("a"), data: { arrivals: ["x"], batchId: "b" } }]);
    const expectRead = fail("BatchGetDocuments");
    expect((await store.get(key("a"))).document).toBeDefined();
    expectRead();
    const expectCounted = fail("RunAggregationQuery");
    expect(await store.count("taskLogs", { field: "arrivals", equals: "x" })).toBe(1);
    expectCounted();
    const expectFound = fail("RunQuery");
    const found = await store.query("taskLogs", [{ field: "batchId", equals: "b" }], { limit: 9 });
    expect(found.documents).toHaveLength(1);
    expectFound();
  });
});

describe.skipIf(foreign !== undefined)("a service that does not get better", () => {
  afterEach(() => server?.setFaults(() => undefined));

  test("a failed independent write is reported at once to its caller", async () => {
    const store = openStore();
    const key = { collection: "steps", id: "s/a" } as const;
    const { version } = await store.commit([{ kind: "create", key, data: { nonce: "mine" } }]);
    let sent = 0;
    server?.setFaults(({ method }) => {
      if (method !== "BatchWrite") return undefined;
      sent += 1;
      return { kind: "error_after" };
    });
    expect(await store.commitEach([{ kind: "delete", key, version }])).toMatchObject([
      { ok: false, error: { code: "STORE_FAILED" } },
    ]);
    expect(sent).toBe(1);
  });

  test.each([
    ["BatchGetDocuments", 20],
    ["Commit", 20],
    ["BatchWrite", 20],
    ["RunQuery", 60],
    ["RunAggregationQuery", 20],
  ])("%s is given up after %i seconds, and the store can be closed all the same", async (method, seconds) => {
    const clock = new VirtualClock();
    const store = storeBy(clock);
    const key = { collection: "taskLogs", id: "b/a" } as const;
    const write = { kind: "create", key, data: { nonce: "mine" } } as const;
    const calls: Readonly<Record<string, () => Promise<unknown>>> = {
      BatchGetDocuments: () => store.get(key),
      Commit: () => store.commit([write]),
      BatchWrite: () => store.commitEach([write]),
      RunQuery: () => store.query("taskLogs", [], { limit: 1 }),
      RunAggregationQuery: () => store.count("taskLogs", { field: "batchId", equals: "b" }),
    };
    let sent = 0;
    server?.setFaults((call) => {
      if (call.method !== method) return undefined;
      sent += 1;
      return { kind: "slow", delayMs: 3_600_000 };
    });
    const ended: unknown[] = [];
    const call = calls[method]?.().then(
      () => ended.push("answered"),
      (error: unknown) => ended.push(error),
    );
    await expect.poll(() => sent).toBe(1);
    await clock.advance(seconds * 1_000 - 100);
    expect(ended).toEqual([]);
    await clock.advance(200);
    await call;
    expect(ended).toMatchObject([{ code: "STORE_FAILED" }]);
    let isClosed = false;
    void store.close().then(() => {
      isClosed = true;
    });
    await clock.advance(1_100);
    await expect.poll(() => isClosed).toBe(true);
  });
});

test("a closed store refuses further calls, and nothing is left uncaught", async () => {
  const store = openStore();
  const key: DocumentKey = { collection: "taskLogs", id: "b/closed" };
  await store.get(key);
  await store.close();
  await expect(store.get(key)).rejects.toMatchObject({
    code: "STORE_FAILED",
    message: expect.stringContaining("closed"),
  });
  await expect(store.count("taskLogs", { field: "arrivals", equals: "x" })).rejects.toMatchObject({
    code: "STORE_FAILED",
  });
});
