// Counts what Firestore would bill: documents written, reads and counts, per task. Runs nothing against the clock.
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "../dist/src/adapters/pino/logger.js";
import { openEmbedded } from "../dist/src/app/embedded.js";
import { readConfiguration } from "../dist/src/configuration/configuration.js";
import { workflow } from "../dist/src/index.js";

const receiver = createServer((request, response) => {
  request.resume();
  response.writeHead(204).end();
});
await new Promise((resolve) => receiver.listen(0, "127.0.0.1", resolve));
const url = `http://127.0.0.1:${receiver.address().port}/`;

const keyed = { idempotency: true };
const workflows = [
  workflow("chain")
    .task("a", () => 1)
    .task("b", () => 2, { after: ["a"] }),
  workflow("plain").task("a", () => 1),
  workflow("keyed").task("a", () => 1, keyed),
  workflow("reported").task("a", () => 1, { ...keyed, callback: { url } }),
  workflow("stepped").task("a", ({ step }) => step("one", () => 1)),
  workflow("slept").task("a", ({ step }) => step.sleep("nap", "1ms")),
];

const counted = { writes: 0, reads: 0, counts: 0 };
const data = mkdtempSync(join(tmpdir(), "baton-bench-"));
const app = openEmbedded({
  configuration: readConfiguration({
    BATON_DATA: data,
    BATON_DURABILITY: "normal",
    BATON_SWEEP: "1h",
    BATON_HTTP_ALLOW_PRIVATE: "true",
  }),
  logger: createLogger("error"),
  workflows,
  around: (dependencies) => ({ ...dependencies, store: counting(dependencies.store) }),
});
app.work.start();

const rows = [];
// The first batch of a workflow stores its definition.
for (const { id } of workflows) await measure(id, 0);
const plain = await measure("plain");
const chain = await measure("chain");
rows.push(["a task of a chain", difference(chain, plain)]);
rows.push(["+ idempotency key, which runs", difference(await measure("keyed"), plain)]);
rows.push(["+ idempotency key, done already", difference(await measure("keyed"), plain)]);
rows.push(["+ key and callback, which run", difference(await measure("reported"), plain)]);
rows.push(["+ key and callback, done already and resent", difference(await measure("reported"), plain)]);
rows.push(["+ one step", difference(await measure("stepped"), plain)]);
rows.push(["+ one sleep", difference(await measure("slept"), plain)]);
console.log("| | documents written | documents read | counts |\n|---|---|---|---|");
for (const [name, { writes, reads, counts }] of rows)
  console.log(`| ${name} | ${writes} | ${reads} | ${counts} |`);
await app.close();
receiver.close();
rmSync(data, { recursive: true, force: true });

async function measure(workflowId, input = 1) {
  const before = { ...counted };
  const { batchId } = await app.engine.start({ kind: "start", workflowId, input });
  while ((await app.engine.admin.status(batchId)).status === "RUNNING") {
    counted.reads -= 1;
    await new Promise((resolve) => setImmediate(resolve));
  }
  counted.reads -= 1;
  // What follows the end, such as its callback, belongs to it.
  await new Promise((resolve) => setTimeout(resolve, 500));
  return difference(counted, before);
}

function difference(one, other) {
  return {
    writes: one.writes - other.writes,
    reads: one.reads - other.reads,
    counts: one.counts - other.counts,
  };
}

function counting(store) {
  return {
    get: (key) => {
      counted.reads += 1;
      return store.get(key);
    },
    commit: (writes) => {
      counted.writes += writes.length;
      return store.commit(writes);
    },
    commitEach: (writes) => {
      counted.writes += writes.length;
      return store.commitEach(writes);
    },
    count: (collection, condition) => {
      counted.counts += 1;
      return store.count(collection, condition);
    },
    query: async (collection, conditions, options) => {
      const found = await store.query(collection, conditions, options);
      counted.reads += Math.max(1, found.documents.length);
      return found;
    },
    mark: () => store.mark(),
    sync: (since) => store.sync(since),
  };
}
