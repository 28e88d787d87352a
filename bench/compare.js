// `npm run bench`: this checkout and another revision side by side, in turns.
import { parseArgs } from "node:util";
import {
  dataFolder,
  figure,
  helpOn,
  load,
  machine,
  measured,
  median,
  numberOption,
  ratio,
  table,
} from "./machine.js";
import { builtRevision, forgetRevisions, thisCheckout } from "./revision.js";
import { workloadNamed, workloads } from "./workloads.js";

const help = `
npm run bench -- [--against REVISION] [options]

Measures the workloads of bench/workloads.js. Each measurement is a process of its own that runs some rounds of one
workload; the revisions take turns. Prints Markdown tables of the medians.

  --against REVISION  a git revision, which is built once in the temporary folder, or the folder of a built checkout
  --floor             measures what SQLite alone needs, too
  --workloads W1,W2   default: ${Object.keys(workloads).join(",")}
  --durability full   or normal
  --pairs 8           processes of each revision and workload
  --rounds 20         rounds of each process; the first one is the cold one
  --warm              uncounted rounds for two seconds before the counted ones, so that all code is compiled
  --json              prints all samples instead
  --clean             deletes the built revisions

The data is in BENCH_FOLDER, or in memory if there is /dev/shm, so that the speed of the disk is not measured.
`;
const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    against: { type: "string" },
    floor: { type: "boolean" },
    workloads: { type: "string", default: Object.keys(workloads).join(",") },
    durability: { type: "string", default: "full" },
    pairs: { type: "string", default: "8" },
    rounds: { type: "string", default: "20" },
    warm: { type: "boolean" },
    json: { type: "boolean" },
    clean: { type: "boolean" },
  },
});
helpOn(values, help);
if (values.clean) {
  forgetRevisions();
  process.exit();
}

const pairs = numberOption(values, "pairs");
const rounds = numberOption(values, "rounds", 2);
const names = values.workloads.split(",");
for (const name of names) workloadNamed(name);
const base = values.against === undefined ? undefined : builtRevision(values.against);
const current = thisCheckout();
const subjects = [
  ...(base ? [{ id: "base", program: "measure.js", options: { root: base.root } }] : []),
  { id: "new", program: "measure.js", options: { root: current.root } },
  ...(values.floor ? [{ id: "floor", program: "floor.js", options: {} }] : []),
];
const samples = names.flatMap((workload) => subjects.map(({ id }) => ({ workload, id, runs: [] })));
const loadBefore = load();
for (let pair = 0; pair < pairs; pair++)
  for (const workload of names)
    for (const { id, program, options } of subjects) {
      const run = measured(program, {
        ...options,
        workload,
        durability: values.durability,
        rounds,
        "warm-up": values.warm ? 2 : 0,
      });
      samplesOf(workload, id).push(run);
      process.stderr.write(
        `pair ${pair + 1} ${workload} ${id}: ${figure(run.microsecondsPerTask)} µs a task\n`,
      );
    }

if (values.json)
  console.log(
    JSON.stringify({ base: base?.name, new: current.name, loadBefore, loadAfter: load(), samples }),
  );
else printTables();

function printTables() {
  const versions = base ? `${base.name} → ${current.name}` : current.name;
  const turns = `${pairs} processes each in turns, ${rounds} rounds in each${values.warm ? ", warm" : ""}`;
  console.log(`${versions}, durability ${values.durability}, ${turns}; medians.`);
  console.log(`${machine()}; data in ${dataFolder()}; load average ${loadBefore} before, ${load()} after.\n`);
  const columns = [
    ["processor µs a task", "microsecondsPerTask"],
    ["in the first round", "coldMicrosecondsPerTask"],
    ["tasks/s", "tasksPerSecond"],
    ["peak MB", "peakMegabytes"],
  ];
  console.log(
    table(
      ["workload", ...columns.map(([head]) => head)],
      names.map((name) => [title(name), ...columns.map(([, key]) => comparison(name, key))]),
    ),
  );
  if (values.floor) printFloor();
}

/** `110 → 55.0: 0.50 ×` */
function comparison(name, key) {
  const now = medianOf(name, "new", key);
  if (!base) return figure(now);
  const before = medianOf(name, "base", key);
  return `${figure(before)} → ${figure(now)}: ${ratio(now, before)}`;
}

function printFloor() {
  const others = subjects.filter(({ id }) => id !== "floor").map(({ id }) => id);
  const toFloor = (name, key, isInverse) =>
    others
      .map((id) => [medianOf(name, "floor", key), medianOf(name, id, key)])
      .map(([floor, own]) => (isInverse ? ratio(floor, own) : ratio(own, floor)))
      .join(" → ");
  console.log(
    `\n${table(
      ["SQLite alone", "µs a task", "tasks/s", "peak MB", "Baton's µs ÷ these", "these tasks/s ÷ Baton's"],
      names.map((name) => [
        title(name),
        ...["microsecondsPerTask", "tasksPerSecond", "peakMegabytes"].map((key) =>
          figure(medianOf(name, "floor", key)),
        ),
        toFloor(name, "microsecondsPerTask", false),
        toFloor(name, "tasksPerSecond", true),
      ]),
    )}`,
  );
}

function title(name) {
  const { title } = workloadNamed(name);
  return workloads[name] ? `${name} ${title}` : title;
}

function samplesOf(workload, id) {
  return samples.find((sample) => sample.workload === workload && sample.id === id).runs;
}

function medianOf(workload, id, key) {
  return median(samplesOf(workload, id).map((run) => run[key]));
}
