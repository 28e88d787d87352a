// Measures a chain whose tasks have results of one size, in this process; see large-results.js.
import { parseArgs } from "node:util";
import { openBaton } from "./baton.js";
import { median, temporaryFolder } from "./machine.js";
import { measureRounds } from "./rounds.js";
import { workloadNamed } from "./workloads.js";

const { values } = parseArgs({
  options: {
    root: { type: "string" },
    durability: { type: "string" },
    bytes: { type: "string" },
    kind: { type: "string" },
    reads: { type: "string" },
    tasks: { type: "string" },
    rounds: { type: "string" },
  },
});
const { tasks, batches } = workloadNamed(`chain:${values.tasks}`);
const parents = new Map(tasks.map(([id, [parent]]) => [id, parent]));
const result = { text: textOf, rows: rowsOf }[values.kind](Number(values.bytes));
const text = JSON.stringify(result);
const parentMs = [];

const data = temporaryFolder();
const baton = await openBaton({ ...values, data, tasks, batches, task: run });
baton.work();
const measured = await measureRounds({ ...baton, rounds: Number(values.rounds), warmUpSeconds: 0 });
await baton.close();
const parseMs = Array.from({ length: 50 }, () => elapsedMs(() => JSON.parse(text)));
console.log(
  JSON.stringify({
    ...measured,
    bytes: text.length,
    parseMs: median(parseMs),
    parentMs: parentMs.length > 0 ? median(parentMs) : undefined,
  }),
);

async function run({ taskId, parent }) {
  const parentId = parents.get(taskId);
  if (values.reads !== "true" || parentId === undefined) return result;
  const began = performance.now();
  await parent(parentId);
  parentMs.push(performance.now() - began);
  return result;
}

function elapsedMs(work) {
  const began = performance.now();
  work();
  return performance.now() - began;
}

function textOf(bytes) {
  return "x".repeat(bytes);
}

/** As a query returns them: objects with a few fields each. */
function rowsOf(bytes) {
  const row = (id) => ({ id, name: `customer ${id}`, amount: id / 8, paid: id % 2 === 0, note: null });
  const count = Math.ceil(bytes / JSON.stringify(row(bytes / 64)).length);
  return Array.from({ length: count }, (_, index) => row(index));
}
