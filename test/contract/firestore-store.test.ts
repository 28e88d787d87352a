import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { FirestoreDocumentStore } from "../../src/adapters/firestore/document-store.ts";
import { systemClock } from "../../src/adapters/system/clock.ts";
import { limits } from "../../src/core/limits.ts";
import { commitEachOwned, commitJointly } from "../../src/engine/owned-commit.ts";
import type { DocumentKey } from "../../src/ports/store.ts";
import { type FirestoreServer, startFirestoreServer } from "../servers/firestore/server.ts";
import type { Fault } from "../servers/kit/faults.ts";
import { describeStore } from "./store-contract.ts";

/** A server of somebody else's, when one is named from outside. */
const foreign = process.env.FIRESTORE_EMULATOR_HOST;
let server: FirestoreServer | undefined;

beforeAll(async () => {
  process.env.METADATA_SERVER_DETECTION = "none";
  if (foreign !== undefined) return;
  server = await startFirestoreServer();
  process.env.FIRESTORE_EMULATOR_HOST = server.host;
});

afterAll(async () => {
  await server?.close();
  if (foreign === undefined) delete process.env.FIRESTORE_EMULATOR_HOST;
});

/** Each on a project of its own: they share the server. */
function openStore(): FirestoreDocumentStore {
  const settings = {
    projectId: `p-${randomUUID()}`,
    databaseId: "(default)",
    retentionSeconds: limits.leastRetentionSeconds,
  };
  const store = new FirestoreDocumentStore(settings, systemClock);
  onTestFinished(() => store.close());
  return store;
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

  test("a claim that is ours is known as ours, and stands once", async () => {
    const store = openStore();
    const expectMet = fail("Commit");
    const outcome = await commitJointly(store, [
      { kind: "create", key: key("a"), data: { nonce: "mine" } },
    ]).catch(() => undefined);
    expectMet();
    const { document } = await store.get(key("a"));
    // Whoever meets an error that hides an unapplied commit is told of the error, and nothing stands.
    expect(document?.data).toEqual(outcome ? { nonce: "mine" } : undefined);
    if (outcome) expect(outcome).toMatchObject({ kind: "won", committed: { version: document?.version } });
    else expect(fault.kind).toBe("not_sent");
  });

  test("a claim of another is never taken for ours", async () => {
    const store = openStore();
    const { version } = await store.commit([{ kind: "create", key: key("a"), data: { nonce: "his" } }]);
    const expectMet = fail("Commit");
    const outcome = await commitJointly(store, [{ kind: "create", key: key("a"), data: { nonce: "mine" } }]);
    expectMet();
    expect(outcome).toMatchObject({ kind: "lost", current: [{ document: { version } }] });
  });

  test("of independent writes, each is known for what it is", async () => {
    const store = openStore();
    await store.commit([{ kind: "create", key: key("b"), data: { nonce: "his" } }]);
    const expectMet = fail("BatchWrite");
    const write = (id: string) => ({ kind: "create", key: key(id), data: { nonce: `mine ${id}` } }) as const;
    const outcomes = await commitEachOwned(store, ["a", "b", "c"].map(write)).catch(() => undefined);
    expectMet();
    if (outcomes) expect(outcomes.map(({ kind }) => kind)).toEqual(["won", "lost", "won"]);
    else expect((await store.get(key("a"))).document).toBeUndefined();
  });

  test("reads and counts come through", async () => {
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
