// What a task costs as the work grows: `node bench/growth.js`.
import { parseArgs } from "node:util";
import { figure, helpOn, load, machine, measured, median, numberOption, ratio, table } from "./machine.js";
import { builtRevision, thisCheckout } from "./revision.js";
import { workloadNamed } from "./workloads.js";

const shapes = [
  "chain:200,chain:2000,chain:20000",
  "fan:1000,fan:10000,fan:19000",
  "layers:20x50,layers:20x100,layers:20x200",
  "layers:5x1000",
].join(",");
const help = `
npm run build && node bench/growth.js [--against REVISION] [options]

Runs chains, fans and layers of several sizes, each in a process of its own, the revisions in turns, and prints
Markdown: what a task costs, how long the first start of the workflow takes, the longest time in which the event loop
did not turn (processor time of its thread, within 10 ms), and the peak memory. Medians.

  --against REVISION  a git revision, or the folder of a built checkout
  --shapes LIST       default: ${shapes}
  --tasks 40000       tasks that each process runs at least, after its first, cold round
  --pairs 3           processes of each revision and shape
  --durability full   or normal
  --json              prints all samples instead
`;
const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    against: { type: "string" },
    shapes: { type: "string", default: shapes },
    tasks: { type: "string", default: "40000" },
    pairs: { type: "string", default: "3" },
    durability: { type: "string", default: "full" },
    json: { type: "boolean" },
  },
});
helpOn(values, help);

const pairs = numberOption(values, "pairs");
const tasks = numberOption(values, "tasks");
const revisions = [...(values.against === undefined ? [] : [builtRevision(values.against)]), thisCheckout()];
const rows = values.shapes.split(",").flatMap((shape) => {
  const { title, tasks: own, batches } = workloadNamed(shape);
  const rounds = 1 + Math.max(1, Math.ceil(tasks / (own.length * batches)));
  return revisions.map(({ name, root }) => ({ shape, title, name, root, rounds, runs: [] }));
});
const loadBefore = load();
for (let pair = 0; pair < pairs; pair++)
  for (const { shape, name, root, rounds, runs } of rows) {
    const run = measured("measure.js", { root, workload: shape, durability: values.durability, rounds });
    runs.push(run);
    console.error(`pair ${pair + 1} ${shape} ${name}: ${figure(run.microsecondsPerTask)} µs a task`);
  }

if (values.json) console.log(JSON.stringify({ loadBefore, loadAfter: load(), samples: rows }));
else {
  console.log(`Durability ${values.durability}, ${pairs} processes each in turns, medians.`);
  console.log(`${machine()}; load average ${loadBefore} before, ${load()} after.\n`);
  console.log(
    table(
      [
        "shape",
        "revision",
        "processor µs a task",
        "÷ smallest",
        "first start ms",
        "longest block ms: first round",
        "later rounds",
        "peak MB",
      ],
      rows.map((row) => [
        row.title,
        row.name,
        figure(medianOf(row, "microsecondsPerTask")),
        ratio(medianOf(row, "microsecondsPerTask"), medianOf(smallest(row), "microsecondsPerTask")),
        ...["startMs", "coldBlockMs", "blockMs", "peakMegabytes"].map((key) => figure(medianOf(row, key))),
      ]),
    ),
  );
}

/** The first row of the same revision and kind: shapes that differ in their last number only. */
function smallest({ shape, name }) {
  const kind = shape.replace(/\d+$/, "");
  return rows.find((row) => row.name === name && row.shape.replace(/\d+$/, "") === kind);
}

function medianOf({ runs }, key) {
  return median(runs.map((run) => run[key]));
}
