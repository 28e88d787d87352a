// What commands cost on a file with many batches: `node bench/grown-file.js`.
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
  ratio,
  table,
  temporaryFolder,
} from "./machine.js";
import { builtRevision, thisCheckout } from "./revision.js";
import { timedCommand } from "./timed-command.js";

const help = `
npm run build && node bench/grown-file.js [--against REVISION] [options]

Runs commands on a data folder with one batch and on one with many, in turns, and prints Markdown: processor time and
time from the start to the end of the process. Medians. Each batch has one task with an idempotency key of its own.

  --against REVISION  a git revision, or the folder of a built checkout
  --batches 100000    batches in the large file
  --pairs 8           runs of each command
  --json              prints all samples instead
`;
const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    against: { type: "string" },
    batches: { type: "string", default: "100000" },
    pairs: { type: "string", default: "8" },
    json: { type: "boolean" },
  },
});
helpOn(values, help);

const commands = [
  "batches",
  "batches --limit 1",
  "batches --workflow bench",
  "batches --workflow other",
  "batches --status RUNNING",
  "explain unknown",
  "inspect stats",
  "inspect results",
  "inspect active",
];
const batches = numberOption(values, "batches");
const pairs = numberOption(values, "pairs");
const revisions = [...(values.against === undefined ? [] : [builtRevision(values.against)]), thisCheckout()];
const folder = temporaryFolder();
const files = revisions.flatMap(({ name, root }, index) =>
  [1, batches].map((count) => {
    const data = join(folder, `${index}-${count}`);
    console.error(`filling a file with ${count} batches by ${name}`);
    measured("grown-file-process.js", { root, data, batches: count });
    return { name, root, data, count };
  }),
);
const rows = commands.flatMap((command) =>
  revisions.map(({ name }) => ({
    command,
    name,
    files: files.filter((file) => file.name === name).map((file) => ({ ...file, runs: [] })),
  })),
);
const loadBefore = load();
// The first run fills the compile cache.
for (let pair = -1; pair < pairs; pair++)
  for (const row of rows)
    for (const { root, data, runs } of row.files) {
      const run = timed([join(root, "bin/baton.js"), ...row.command.split(" ")], data);
      if (pair >= 0) runs.push(run);
    }

if (values.json) console.log(JSON.stringify({ loadBefore, loadAfter: load(), samples: rows }));
else {
  console.log(
    `A file with ${batches} batches beside one with a single batch, ${pairs} runs in turns, medians.`,
  );
  console.log(`${machine()}; load average ${loadBefore} before, ${load()} after.\n`);
  const size = batches.toLocaleString("en-US");
  console.log(
    table(
      ["command", "revision", "processor ms: one batch", size, "ratio", "ms: one batch", size, "ratio"],
      rows.map(({ command, name, files: [small, large] }) => [
        `\`${command}\``,
        name,
        ...["processorMs", "milliseconds"].flatMap((key) => {
          const [one, many] = [small, large].map(({ runs }) => median(runs.map((run) => run[key])));
          return [figure(one), figure(many), ratio(many, one)];
        }),
      ]),
    ),
  );
}

/** `explain` fails if the key is unknown, after it has looked for it. */
function timed(words, data) {
  const environment = { BATON_DATA: data, BATON_WORKFLOWS: folder };
  return timedCommand(words, { cwd: folder, environment, mayFail: words.includes("unknown") });
}
