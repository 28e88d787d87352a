// Opens a database file. With a number it kills itself before the statement of that number of the upgrade.
import { DatabaseSync } from "node:sqlite";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { openDatabase } from "../../src/adapters/sqlite/database.ts";

const [path = "", fatal] = process.argv.slice(2);
const { exec } = DatabaseSync.prototype;
let isUpgrading = false;
let statements = 0;
DatabaseSync.prototype.exec = function (sql) {
  isUpgrading ||= sql === "BEGIN IMMEDIATE";
  if (isUpgrading && statements++ === Number(fatal)) process.kill(process.pid, "SIGKILL");
  exec.call(this, sql);
};
openDatabase({ path, durability: "full", lockTimeoutSeconds: 60, logger: createLogger("silent") }).close();
process.stdout.write(String(statements));
