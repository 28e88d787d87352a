import { expect, test } from "vitest";
import { buildGraph } from "../../src/core/workflow/graph.ts";
import { JoinCounter } from "../../src/engine/fan-out.ts";
import { JoinMemories } from "../../src/engine/records/batches.ts";
import type { DocumentStore } from "../../src/ports/store.ts";
import { testApp } from "../support/app.ts";
import { workflowOf } from "../support/graphs.ts";

const parents = Array.from({ length: 2_100 }, (_, index) => `p${index}`);

/** One batch of the graph; the endings of its tasks are committed by hand. */
function largeJoin() {
  const edges = [
    ...parents.map((id): [string, string[]] => [id, []]),
    ["last", parents] as [string, string[]],
  ];
  const graph = buildGraph(workflowOf("wide", edges, async () => null).definition);
  const join = graph.joinByChild.get("last");
  if (!join?.shards) throw new Error("a join with this number of parents is counted in shards");
  return { join, of: join.shards.shardByParent };
}

test("a failure in another part of a large join is seen by the parent that ends last", async () => {
  const { join, of } = largeJoin();
  const ending = { status: "SUCCESS", reason: null } as const;
  let store: DocumentStore | undefined;
  testApp({
    workflows: [],
    around: (dependencies) => {
      store = dependencies.store;
      return dependencies;
    },
  });
  if (!store) throw new Error("the app has a store");
  const failed = parents.find((parent) => of.get(parent) === 1);
  const writes = parents.map((parent) => {
    const tallies = parent === failed ? ["ended", "unsuccessful", "failed"] : ["ended"];
    const arrivals = tallies.map((tally) => `b/${join.id}/${tally}/${of.get(parent)}`);
    return {
      kind: "create",
      key: { collection: "taskLogs", id: `b/${parent}` },
      data: { arrivals },
    } as const;
  });
  const counter = new JoinCounter(store);
  const batch = { batchId: "b", joins: new JoinMemories() };
  const firstShardParent = parents.find((parent) => of.get(parent) === 0) ?? "";
  for (let first = 0; first < writes.length - 1; first += 500)
    await store.commitEach(writes.slice(first, Math.min(first + 500, writes.length - 1)));
  const before = await counter.count(batch, join, firstShardParent, ending);
  expect(before.ended).toBeLessThan(parents.length);
  await store.commitEach(writes.slice(-1));
  expect(await counter.count(batch, join, firstShardParent, ending)).toEqual({
    ended: 2_100,
    unsuccessful: 1,
    failed: 1,
  });
});

test("a join is counted when this process runs none of its parents any more", async () => {
  let counts = 0;
  const counter = new JoinCounter({
    count: () => {
      counts += 1;
      return 2;
    },
  });
  const edges: [string, string[]][] = [
    ["a", []],
    ["b", []],
    ["last", ["a", "b"]],
  ];
  const graph = buildGraph(workflowOf("narrow", edges, async () => null).definition);
  const joins = graph.joinsByParent.get("a") ?? [];
  const [join] = joins;
  if (!join) throw new Error("the tasks a and b have a join");
  const batch = { batchId: "b", joins: new JoinMemories() };
  const count = () => counter.count(batch, join, "a", { status: "SUCCESS", reason: null });
  // Both parents run; one of them runs twice, because its lease was lost.
  for (let n = 0; n < 3; n += 1) batch.joins.countRunning(joins, 1);
  for (let n = 0; n < 2; n += 1) {
    batch.joins.countRunning(joins, -1);
    expect(await count()).toEqual({});
  }
  expect(counts).toBe(0);
  batch.joins.countRunning(joins, -1);
  expect(await count()).toEqual({ ended: 2, unsuccessful: 2, failed: 2 });
});
