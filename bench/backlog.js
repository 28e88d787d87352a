// In which order and how fast a worker ends batches that wait when it starts: `node bench/backlog.js`.
import { mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  figure,
  helpOn,
  load,
  machine,
  measured,
  median,
  numberOption,
  table,
  temporaryFolder,
} from "./machine.js";
import { builtRevision, thisCheckout } from "./revision.js";

const help = `
npm run build && node bench/backlog.js [--against REVISION] [options]

Starts batches of ten tasks (1 → 4 → 4 → 1) while no worker runs, then a worker in a new process, and prints when the
last task of the first, of the median and of the last batch has run. The revisions take turns. Medians.

  --against REVISION  a git revision, or the folder of a built checkout
  --batches 20000     batches that wait
  --pairs 3           runs of each revision
  --durability full   or normal
  --json              prints all samples instead
`;
const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    against: { type: "string" },
    batches: { type: "string", default: "20000" },
    pairs: { type: "string", default: "3" },
    durability: { type: "string", default: "full" },
    json: { type: "boolean" },
  },
});
helpOn(values, help);

const pairs = numberOption(values, "pairs");
const batches = numberOption(values, "batches");
const revisions = [...(values.against === undefined ? [] : [builtRevision(values.against)]), thisCheckout()];
const rows = revisions.map((revision) => ({ ...revision, runs: [] }));
const folder = temporaryFolder();
const loadBefore = load();
for (let pair = 0; pair < pairs; pair++)
  for (const { name, root, runs } of rows) {
    const data = mkdtempSync(join(folder, "data-"));
    const options = { root, data, batches, durability: values.durability };
    try {
      const { milliseconds: fillMs } = measured("backlog-process.js", { ...options, phase: "fill" });
      runs.push({ fillMs, ...measured("backlog-process.js", { ...options, phase: "work" }) });
    } finally {
      rmSync(data, { recursive: true, force: true });
    }
    console.error(`pair ${pair + 1} ${name}: the last batch ended after ${figure(runs.at(-1).lastMs)} ms`);
  }

if (values.json) console.log(JSON.stringify({ loadBefore, loadAfter: load(), samples: rows }));
else {
  console.log(
    `${batches} batches of ten tasks wait, durability ${values.durability}, ${pairs} runs each in turns, medians.`,
  );
  console.log(`${machine()}; load average ${loadBefore} before, ${load()} after.\n`);
  console.log(
    table(
      [
        "revision",
        "first batch ends after, s",
        "share of the whole time",
        "median batch, s",
        "last batch, s",
        "processor µs a task",
        "peak MB",
      ],
      rows.map(({ name, runs }) => {
        const of = (key) => median(runs.map((run) => run[key]));
        return [
          name,
          figure(of("firstMs") / 1_000),
          `${((100 * of("firstMs")) / of("lastMs")).toFixed(1)} %`,
          figure(of("medianMs") / 1_000),
          figure(of("lastMs") / 1_000),
          figure(of("microsecondsPerTask")),
          figure(of("peakMegabytes")),
        ];
      }),
    ),
  );
}
