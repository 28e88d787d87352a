// Loads of a CSV file by Baton's warehouse, against the same loads by DuckDB alone, in turns; prints a Markdown table.
// Run: npm run build && node bench/files.js [--rows 1000000] [--columns 7] [--rounds 5] [--against-dist <dist>] [case …]
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, createWriteStream, existsSync, mkdtempSync, rmSync } from "node:fs";
import { loadavg, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";

const ownDist = fileURLToPath(new URL("../dist", import.meta.url));
/** The default timeout of a task. */
const timeoutMs = 300_000;

/** The cases: whether the table exists, how rows are added, and the same by DuckDB alone. */
const cases = {
  "first append": {
    mode: "append",
    plain: (file) => [`CREATE TABLE orders AS FROM ${file}`],
  },
  "later append": {
    hasTable: true,
    mode: "append",
    plain: (file) => [`INSERT INTO orders BY NAME FROM ${file}`],
  },
  "first merge": {
    mode: "merge",
    plain: (file) => [`CREATE TABLE orders AS FROM ${file} LIMIT 0`, mergeSql(file)],
  },
  "later merge": {
    hasTable: true,
    mode: "merge",
    plain: (file) => [mergeSql(file)],
  },
};

function mergeSql(file) {
  return `MERGE INTO orders USING (FROM ${file}) AS incoming ON orders.id = incoming.id
    WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT`;
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    rows: { type: "string", default: "1000000" },
    columns: { type: "string", default: "7" },
    rounds: { type: "string", default: "5" },
    "against-dist": { type: "string" },
    child: { type: "string" },
  },
});
if (values.child) await measure(JSON.parse(values.child));
else await compare();

async function compare() {
  const [rows, columns, rounds] = [values.rows, values.columns, values.rounds].map(Number);
  const folder = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "baton-files-"));
  try {
    const csv = join(folder, "orders.csv");
    await writeCsv(csv, rows, columns);
    const filled = join(folder, "filled.duckdb");
    run({ csv, database: filled, statements: cases["first append"].plain(plainReader(csv)) });
    const sides = [
      ["DuckDB", (name) => ({ statements: cases[name].plain(plainReader(csv)) })],
      ["Baton", () => ({ dist: ownDist })],
      ...(values["against-dist"] ? [["other Baton", () => ({ dist: resolve(values["against-dist"]) })]] : []),
    ];
    const names = Object.keys(cases).filter((name) => positionals.length === 0 || positionals.includes(name));
    console.log(
      `${rows} rows of ${columns} columns, ${rounds} rounds, load ${loadavg()[0].toFixed(1)} before`,
    );
    console.log("| load | by | ms | processor ms | peak MB | × processor | × ms | × peak |");
    console.log("|---|---|---|---|---|---|---|---|");
    for (const name of names) report(name, sides, rounds, { folder, csv, filled });
    console.log(`load ${loadavg()[0].toFixed(1)} after`);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs all sides of a case in turns, and prints their medians. */
function report(name, sides, rounds, { folder, csv, filled }) {
  const database = join(folder, "warehouse.duckdb");
  const found = sides.map(() => []);
  for (let round = 0; round < rounds; round++)
    for (const [index, [, side]] of sides.entries()) {
      rmSync(database, { force: true });
      if (cases[name].hasTable) copyFileSync(filled, database);
      found[index].push(run({ csv, database, mode: cases[name].mode, ...side(name) }));
    }
  const figures = found.map((runs) => ({
    ms: median(runs.map((one) => one.ms)),
    cpu: median(runs.map((one) => one.cpu)),
    peak: median(runs.map((one) => one.peak)),
  }));
  const [plain] = figures;
  for (const [index, [side]] of sides.entries()) {
    const { ms, cpu, peak } = figures[index];
    const ratios = [cpu / plain.cpu, ms / plain.ms, peak / plain.peak].map((ratio) => ratio.toFixed(2));
    console.log(`| ${[name, side, ...[ms, cpu, peak].map(Math.round), ...ratios].join(" | ")} |`);
  }
}

function median(figures) {
  return figures.sort((one, other) => one - other)[Math.floor(figures.length / 2)];
}

/** Measures one load in a process of its own. A load that does not end counts as the longest. */
function run(job) {
  const { stdout, status, error } = spawnSync(
    process.execPath,
    [fileURLToPath(import.meta.url), "--child", JSON.stringify(job)],
    { encoding: "utf8", stdio: ["ignore", "pipe", "inherit"], timeout: timeoutMs },
  );
  if (error?.code === "ETIMEDOUT") return { ms: timeoutMs, cpu: timeoutMs, peak: Number.NaN };
  if (status !== 0) process.exit(status ?? 1);
  return JSON.parse(stdout);
}

async function measure({ csv, database, mode, dist, statements }) {
  const load = dist ? await batonLoad(dist, database, csv, mode) : plainLoad(database, statements);
  const [began, used] = [performance.now(), process.cpuUsage()];
  await load();
  const ms = performance.now() - began;
  const { user, system } = process.cpuUsage(used);
  const peak = process.resourceUsage().maxRSS / 1_024;
  process.stdout.write(JSON.stringify({ ms, cpu: (user + system) / 1_000, peak }));
}

/** Until the file is closed, because DuckDB writes the rows to their place then. */
function plainLoad(database, statements) {
  return async () => {
    const instance = await DuckDBInstance.create(database);
    const connection = await instance.connect();
    for (const statement of statements) await connection.run(statement);
    connection.closeSync();
    instance.closeSync();
  };
}

async function batonLoad(dist, database, csv, mode) {
  const folder = join(dist, "src/adapters/duckdb");
  const load = (file) => import(pathToFileURL(join(folder, file)).href);
  const { DatabaseFile } = await load("database-file.js");
  const name = existsSync(join(folder, "duckdb-warehouse.js")) ? "duckdb-warehouse.js" : "warehouse.js";
  const { DuckDbWarehouse } = await load(name);
  return async () => {
    const warehouse = new DuckDbWarehouse(new DatabaseFile(database));
    const into = { table: "orders", mode, key: mode === "merge" ? ["id"] : [] };
    const signal = new AbortController().signal;
    await warehouse.load({ jobId: "job", uri: pathToFileURL(csv).href, format: "csv", into, signal });
    await warehouse.close();
  };
}

function plainReader(csv) {
  return `read_csv('${csv}')`;
}

/** Two whole numbers, a day, a fraction, two texts and a time, over and over. The first column counts the rows. */
async function writeCsv(path, rows, columns) {
  let seed = 42;
  const random = (below) => {
    seed = (seed * 1_664_525 + 1_013_904_223) % 2 ** 32;
    return Math.floor((seed / 2 ** 32) * below);
  };
  const moment = () => new Date(1.6e12 + random(2e11)).toISOString();
  const cells = [
    (row) => row,
    () => random(1e6),
    () => moment().slice(0, 10),
    () => (random(1e5) / 100).toFixed(2),
    () => `customer ${random(1e5)}`,
    () => ["Bern", "Zürich", "Genève", "Basel"][random(4)],
    () => moment().slice(0, 19).replace("T", " "),
  ];
  const stream = createWriteStream(path);
  let text = `${Array.from({ length: columns }, (_, index) => (index === 0 ? "id" : `c${index}`)).join(",")}\n`;
  for (let row = 0; row < rows; row++) {
    text += `${Array.from({ length: columns }, (_, index) => cells[index % cells.length](row)).join(",")}\n`;
    if (text.length < 1e6) continue;
    if (!stream.write(text)) await once(stream, "drain");
    text = "";
  }
  stream.end(text);
  await once(stream, "finish");
}
