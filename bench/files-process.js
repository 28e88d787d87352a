// Measures one load of a file, in this process; see files.js.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { DuckDBInstance } from "@duckdb/node-api";

const { values } = parseArgs({
  options: {
    database: { type: "string" },
    file: { type: "string" },
    root: { type: "string" },
    mode: { type: "string" },
    isFirst: { type: "string" },
    seconds: { type: "string" },
  },
});
const { database, file, root, mode } = values;
const loadFile = root === "" ? loadAlone : await loaderOf(join(root, "dist/src/adapters/duckdb"));
const began = performance.now();
const usedBefore = process.cpuUsage();
// DuckDB works in threads of its own, and some of its work can't be interrupted.
const giveUp = setTimeout(() => process.kill(process.pid, "SIGALRM"), Number(values.seconds) * 1_000);
await loadFile();
clearTimeout(giveUp);
const { user, system } = process.cpuUsage(usedBefore);
console.log(
  JSON.stringify({
    milliseconds: performance.now() - began,
    processorMs: (user + system) / 1_000,
    peakMegabytes: process.resourceUsage().maxRSS / 1_024,
  }),
);

/** Until the file is closed, because DuckDB may write rows to their place only then. */
async function loadAlone() {
  const instance = await DuckDBInstance.create(database);
  const connection = await instance.connect();
  const rows = `read_csv('${file}')`;
  const merge = `MERGE INTO orders USING (FROM ${rows}) AS incoming ON orders.id = incoming.id
    WHEN MATCHED THEN UPDATE WHEN NOT MATCHED THEN INSERT`;
  const isFirst = values.isFirst === "true";
  if (isFirst)
    await connection.run(`CREATE TABLE orders AS FROM ${rows} ${mode === "merge" ? "LIMIT 0" : ""}`);
  if (mode === "merge") await connection.run(merge);
  else if (!isFirst) await connection.run(`INSERT INTO orders BY NAME FROM ${rows}`);
  connection.closeSync();
  instance.closeSync();
}

/** The warehouse of a checkout, whose file had another name once. */
async function loaderOf(folder) {
  const load = (name) => import(pathToFileURL(join(folder, name)).href);
  const { DatabaseFile } = await load("database-file.js");
  const isOld = !existsSync(join(folder, "duckdb-warehouse.js"));
  const { DuckDbWarehouse } = await load(isOld ? "warehouse.js" : "duckdb-warehouse.js");
  return async () => {
    const warehouse = new DuckDbWarehouse(new DatabaseFile(database));
    const into = { table: "orders", mode, key: mode === "merge" ? ["id"] : [] };
    const { signal } = new AbortController();
    await warehouse.load({ jobId: "job", uri: pathToFileURL(file).href, format: "csv", into, signal });
    await warehouse.close();
  };
}
