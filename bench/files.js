// Loads of a CSV file, beside the same loads by DuckDB alone: `node bench/files.js`.
import { once } from "node:events";
import { copyFileSync, createWriteStream, mkdirSync, rmSync } from "node:fs";
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

const help = `
npm run build && node bench/files.js [--against REVISION] [options]

Loads one CSV file into a table of the warehouse, each time in a process of its own, by DuckDB alone and by the
revisions in turns. DuckDB alone detects the types too, and refuses and repairs nothing. Prints Markdown.

  --against REVISION  a git revision, or the folder of a built checkout
  --rows 1000000      rows of the file
  --columns 7         columns: two whole numbers, a day, a fraction, two texts and a time, over and over
  --late              the last row has a fraction among whole numbers, so that the types of the first rows do not hold
  --cases LIST        default: first append,later append,first merge,later merge; first: the table does not exist yet
  --pairs 5           processes of each kind
  --seconds 300       a load that takes longer is given up; the default is the default timeout of a task
  --json              prints all samples instead
`;
const { values } = parseArgs({
  options: {
    help: { type: "boolean" },
    against: { type: "string" },
    rows: { type: "string", default: "1000000" },
    columns: { type: "string", default: "7" },
    late: { type: "boolean", default: false },
    cases: { type: "string", default: "first append,later append,first merge,later merge" },
    pairs: { type: "string", default: "5" },
    seconds: { type: "string", default: "300" },
    json: { type: "boolean" },
  },
});
helpOn(values, help);

const rows = numberOption(values, "rows", 2);
const columns = numberOption(values, "columns", 2);
const pairs = numberOption(values, "pairs");
const seconds = numberOption(values, "seconds");
const sides = [
  { name: "DuckDB alone", root: "" },
  ...(values.against === undefined ? [] : [builtRevision(values.against)]),
  thisCheckout(),
];

const folder = temporaryFolder();
const file = join(folder, "orders.csv");
await writeFile(file);
const filled = join(folder, "filled.duckdb");
loadInto(filled, "", "append", true);

const loadBefore = load();
const samples = values.cases.split(",").map((name) => {
  const [, when, mode] = /^(first|later) (append|merge)$/.exec(name) ?? [];
  if (!mode) throw new Error(`There is no case "${name}"; --help lists them`);
  const found = sides.map((side) => ({ ...side, runs: [] }));
  for (let pair = 0; pair < pairs; pair++) {
    for (const { root, runs } of found) {
      const place = join(folder, "warehouse");
      mkdirSync(place);
      if (when === "later") copyFileSync(filled, join(place, "warehouse.duckdb"));
      runs.push(loadInto(join(place, "warehouse.duckdb"), root, mode, when === "first"));
      rmSync(place, { recursive: true });
    }
    console.error(`pair ${pair + 1} ${name}`);
  }
  return { name, sides: found };
});

if (values.json) console.log(JSON.stringify({ loadBefore, loadAfter: load(), samples }));
else {
  console.log(
    `${rows.toLocaleString("en-US")} rows of ${columns} columns, ${pairs} processes each in turns, medians.`,
  );
  console.log(`${machine()}; load average ${loadBefore} before, ${load()} after.\n`);
  const heads = ["load", "by", "processor ms", "÷ DuckDB", "ms", "÷ DuckDB", "peak MB", "÷ DuckDB"];
  console.log(
    table(
      heads,
      samples.flatMap(({ name, sides: found }) => found.map((side) => row(name, side, found[0]))),
    ),
  );
}

function row(name, side, plain) {
  const cells = ["processorMs", "milliseconds", "peakMegabytes"].flatMap((key) => {
    const [value, base] = [side, plain].map(({ runs }) => median(runs.map((run) => run[key])));
    return Number.isNaN(value) ? ["–", "–"] : [figure(value), ratio(value, base)];
  });
  const isGivenUp = side.runs.some((run) => run.isGivenUp);
  return [name, isGivenUp ? `${side.name} (given up)` : side.name, ...cells];
}

/** `root`: the checkout whose warehouse loads the file, or "" for DuckDB alone. */
function loadInto(database, root, mode, isFirst) {
  try {
    return measured("files-process.js", { database, file, root, mode, isFirst, seconds });
  } catch (error) {
    if (!/exit SIGALRM/.test(error.message)) throw error;
    return {
      isGivenUp: true,
      milliseconds: seconds * 1_000,
      processorMs: Number.NaN,
      peakMegabytes: Number.NaN,
    };
  }
}

async function writeFile(path) {
  let seed = 42;
  const random = (below) => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const time = () => new Date(1.6e12 + random(2e11)).toISOString();
  const cells = [
    (index) => index,
    (index) => (values.late && index === rows - 1 ? 0.5 : random(1e6)),
    () => time().slice(0, 10),
    () => (random(1e5) / 100).toFixed(2),
    () => `customer ${random(1e5)}`,
    () => ["Bern", "Zürich", "Genève", "Basel"][random(4)],
    () => time().slice(0, 19).replace("T", " "),
  ];
  const lineOf = (cell) => `${Array.from({ length: columns }, (_, index) => cell(index)).join(",")}\n`;
  const stream = createWriteStream(path);
  let text = lineOf((index) => (index === 0 ? "id" : `column_${index}`));
  for (let row = 0; row < rows; row++) {
    text += lineOf((index) => cells[index % cells.length](row));
    if (text.length < 1e6) continue;
    if (!stream.write(text)) await once(stream, "drain");
    text = "";
  }
  stream.end(text);
  await once(stream, "finish");
}
