// Holds the write lock of a database file. It says when it has it, and releases it after the given milliseconds.
import { DatabaseSync } from "node:sqlite";

const [path = "", milliseconds] = process.argv.slice(2);
const database = new DatabaseSync(path, { timeout: 60_000 });
database.exec("BEGIN IMMEDIATE");
process.stdout.write("locked\n");
setTimeout(() => {
  database.exec("COMMIT");
  database.close();
}, Number(milliseconds));
