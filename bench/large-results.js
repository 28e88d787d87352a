// What results of up to a megabyte cost: `node bench/large-results.js`.
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { figure, helpOn, load, machine, measured, median, numberOption, ratio, table } from "./machine.js";
import { builtRevision, thisCheckout } from "./revision.js";

const help = `
npm run build && node bench/large-results.js [--against REVISION] [options]

Runs chains whose tasks return a string, or rows (an array of objects), of one size, each in a process of its own, the
revisions in turns. Prints Markdown: what a task costs without and with a read of its parent's result, what
parent() costs beside JSON.parse of the same text, and, if strace is installed, the syncs of the disk for each task.

  --against REVISION  a git revision, or the folder of a built checkout
  --sizes LIST        bytes; default: 1000,10000,60000,100000,1000000
  --tasks 50          length of the chain
  --rounds 5          chains in each process; the first one is not counted
  --pairs 3           processes of each kind
  --json              prints all samples instead
`;
const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    against: { type: "string" },
    sizes: { type: "string", default: "1000,10000,60000,100000,1000000" },
    tasks: { type: "string", default: "50" },
    rounds: { type: "string", default: "5" },
    pairs: { type: "string", default: "3" },
    json: { type: "boolean" },
  },
});
helpOn(values, help);

const pairs = numberOption(values, "pairs");
const tasks = numberOption(values, "tasks");
const rounds = numberOption(values, "rounds", 2);
const revisions = [...(values.against === undefined ? [] : [builtRevision(values.against)]), thisCheckout()];
const rows = values.sizes.split(",").flatMap((bytes) =>
  ["text", "rows"].flatMap((kind) =>
    revisions.map(({ name, root }) => ({
      name,
      options: { root, bytes, kind, tasks, rounds, durability: "full" },
      alone: [],
      reading: [],
    })),
  ),
);
const loadBefore = load();
for (let pair = 0; pair < pairs; pair++)
  for (const { name, options, alone, reading } of rows) {
    alone.push(measured("large-results-process.js", { ...options, reads: false }));
    reading.push(measured("large-results-process.js", { ...options, reads: true }));
    console.error(`pair ${pair + 1} ${options.bytes} bytes of ${options.kind} ${name}`);
  }
const hasTracer = spawnSync("strace", ["-V"], { stdio: "ignore" }).status === 0;
for (const row of rows)
  row.syncs = hasTracer
    ? ["full", "normal"].map((durability) => syncsPerTask({ ...row.options, durability }))
    : ["", ""];

if (values.json) console.log(JSON.stringify({ loadBefore, loadAfter: load(), samples: rows }));
else {
  console.log(`Chains of ${tasks}, ${pairs} processes each in turns, medians.`);
  console.log(`${machine()}; load average ${loadBefore} before, ${load()} after.\n`);
  console.log(
    table(
      [
        "result",
        "revision",
        "processor ms a task",
        "+ reads its parent",
        "parent() ms",
        "÷ JSON.parse",
        "syncs a task: full",
        "normal",
      ],
      rows.map((row) => {
        const perTaskMs = (runs) => median(runs.map((run) => run.microsecondsPerTask)) / 1_000;
        const [parent, parse] = ["parentMs", "parseMs"].map((key) =>
          median(row.reading.map((run) => run[key])),
        );
        return [
          `${Number(row.options.bytes).toLocaleString("en-US")} bytes, ${row.options.kind}`,
          row.name,
          figure(perTaskMs(row.alone)),
          figure(perTaskMs(row.reading)),
          figure(parent),
          // A string costs JSON.parse nothing.
          row.options.kind === "rows" ? ratio(parent, parse) : "",
          ...row.syncs,
        ];
      }),
    ),
  );
}

/** Counts the calls that sync a file, of all rounds and of opening the data folder. */
function syncsPerTask(options) {
  const folder = mkdtempSync(join(tmpdir(), "baton-bench-"));
  const path = join(folder, "trace");
  measured("large-results-process.js", { ...options, reads: false }, [
    "strace",
    "-f",
    "-e",
    "trace=fsync,fdatasync",
    "-o",
    path,
  ]);
  const syncs = readFileSync(path, "utf8").match(/\b(?:fsync|fdatasync)\(/g)?.length ?? 0;
  rmSync(folder, { recursive: true, force: true });
  return (syncs / (tasks * rounds)).toFixed(2);
}
