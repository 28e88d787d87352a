import { expect, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import type { DocumentStore, Write } from "../../src/ports/store.ts";
import { temporaryFolder, testApp, untilEnded } from "../support/app.ts";
import { withStore } from "../support/faults.ts";
import { type Edges, workflowOf } from "../support/graphs.ts";

function joining(count: number) {
  const parents = Array.from({ length: count }, (_, index) => `p${index}`);
  const edges: Edges = [...parents.map((id): [string, string[]] => [id, []]), ["all", parents]];
  return workflowOf("joining", edges, async () => null);
}

/** An app whose definitions are written as another version would, and its store. */
function appThatStores(data: string, count: number, change: (data: Definition) => Definition) {
  const stores: DocumentStore[] = [];
  const around = (dependencies: Dependencies) => {
    stores.push(dependencies.store);
    const changed = (write: Write): Write =>
      write.kind === "create" && write.key.collection === "definitions"
        ? { ...write, data: change(write.data) }
        : write;
    return withStore(dependencies, (store) => ({ commit: (writes) => store.commit(writes.map(changed)) }));
  };
  const app = testApp({ data, workflows: [joining(count)], around, environment: { BATON_SWEEP: "1h" } });
  const arrivals = async () => {
    const page = await stores[0]?.query("taskLogs", [], { limit: 2_000 });
    const tokens = page?.documents.flatMap(({ data }) => data.arrivals ?? []) ?? [];
    return new Set(tokens.map((token) => String(token).split("/").slice(3).join("/")));
  };
  return { app, arrivals };
}
type Definition = Extract<Write, { kind: "create" }>["data"];

const asIs = (data: Definition) => data;
const withoutShards = ({ joinShardParents, ...others }: Definition) => others;

test("a batch is counted in parts of the size that was stored with its definition, whatever it is now", async () => {
  const data = temporaryFolder();
  const before = appThatStores(data, 5, (stored) => ({ ...stored, joinShardParents: 2 }));
  const { batchId } = await before.app.engine.start({ kind: "start", workflowId: "joining", key: "1" });
  await before.app.close();
  const start = (key: string) => ({ kind: "start", workflowId: "joining", key }) as const;
  // This one finds the old batch first, the other one the definition when it stores it once more.
  const finder = appThatStores(data, 5, asIs);
  finder.app.work.start();
  expect((await untilEnded(finder.app, batchId)).status).toBe("SUCCESS");
  const second = await finder.app.engine.start(start("2"));
  expect((await untilEnded(finder.app, second.batchId)).status).toBe("SUCCESS");
  await finder.app.close();
  const starter = appThatStores(data, 5, asIs);
  const third = await starter.app.engine.start(start("3"));
  starter.app.work.start();
  expect((await untilEnded(starter.app, third.batchId)).status).toBe("SUCCESS");
  expect(await starter.arrivals()).toEqual(new Set(["0", "1", "2"]));
});

test("a definition that was stored before it said so is counted in parts of a thousand", async () => {
  const data = temporaryFolder();
  const before = appThatStores(data, 1_001, withoutShards);
  const { batchId } = await before.app.engine.start({ kind: "start", workflowId: "joining" });
  await before.app.close();
  const now = appThatStores(data, 1_001, asIs);
  now.app.work.start();
  expect((await untilEnded(now.app, batchId)).status).toBe("SUCCESS");
  expect(await now.arrivals()).toEqual(new Set(["0", "1"]));
});

test("a new definition is stored with the size of today", async () => {
  const seen: Definition[] = [];
  const { app } = appThatStores(temporaryFolder(), 2, (stored) => {
    seen.push(stored);
    return stored;
  });
  await app.engine.start({ kind: "start", workflowId: "joining" });
  expect(seen).toMatchObject([{ joinShardParents: limits.joinShardParents }]);
});
