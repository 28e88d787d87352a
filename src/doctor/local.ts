import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { access, constants, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Configuration } from "../configuration/configuration.ts";
import { BatonError, errorMessage, TaskError } from "../core/errors/errors.ts";
import { quoteForShell } from "../core/values/text.ts";
import { type CheckGroup, singleCheck } from "./check.ts";

const leastFreeBytes = 1024 ** 3;

/** How long to wait for another process that uses the warehouse file. */
const lockWaitMs = 2_000;

/** What the embedded engine needs on this machine. */
export function localGroups({ data, inbox, warehouse, objects }: Configuration): CheckGroup[] {
  return [
    folderGroup(data),
    diskGroup(data),
    ...(objects === "folder" ? [inboxGroup(inbox)] : []),
    ...(warehouse === "duckdb" ? [warehouseGroup(join(data, "warehouse.duckdb"))] : []),
  ];
}

export function nodeGroup(): CheckGroup {
  const { node } = process.versions;
  const [major, minor = 0] = node.split(".").map(Number);
  return singleCheck("node.version", "Node.js", () => ({
    holds: (major === 22 && minor >= 18) || major === 24 || major === 26,
    found: node,
    expected: "22.18 or a newer 22, 24 or 26",
    severity: "warning",
    remedy: "Install Node 24.",
  }));
}

/** Writes a file: a disk may be full or read-only although the rights allow it. */
function folderGroup(folder: string): CheckGroup {
  return singleCheck("data.folder", folder, async () => {
    const existing = nearestExisting(folder);
    const probe = join(existing, `.baton-doctor-${randomUUID()}`);
    const problem = await failureMessage(writeFile(probe, "").then(() => rm(probe)));
    return {
      holds: problem === undefined,
      found: problem ?? (existing === folder ? "it can be written to" : `it can be created in ${existing}`),
      expected: "a folder that can be written to",
      remedy: "Make the folder writable for this user, or set BATON_DATA to another.",
    };
  });
}

function diskGroup(folder: string): CheckGroup {
  return singleCheck("data.disk", folder, async () => {
    const { bavail, bsize } = await statfs(nearestExisting(folder));
    const freeBytes = bavail * bsize;
    return {
      holds: freeBytes >= leastFreeBytes,
      found: `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`,
      expected: "1 GiB or more",
      severity: "warning",
      remedy: "Free some space, or set BATON_DATA to a folder of another disk.",
    };
  });
}

/** The folder, or the first above it that exists. */
function nearestExisting(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}

function failureMessage(action: Promise<void>): Promise<string | undefined> {
  return action.then(() => undefined, errorMessage);
}

function inboxGroup({ folder, configured }: Configuration["inbox"]): CheckGroup {
  return singleCheck("data.inbox", folder, async () => {
    const problem = await failureMessage(access(folder, constants.R_OK));
    const missing = configured ? problem : "it is created at the first start";
    return {
      holds: problem === undefined || !configured,
      found: problem === undefined ? "it exists" : String(missing),
      expected: "a folder that can be read",
      remedy: "Create the folder, or set BATON_INBOX to one that exists.",
      commands: [`mkdir -p ${quoteForShell(folder)}`],
    };
  });
}

function warehouseGroup(file: string): CheckGroup {
  return singleCheck("data.warehouse", file, async (signal) => {
    const exists = existsSync(file);
    const problem = exists ? await openWarehouse(file, signal) : undefined;
    const isBusy = problem?.code === "WAREHOUSE_LOCKED";
    return {
      holds: problem === undefined,
      found: problem?.message ?? (exists ? "it can be read" : "it is created with the first query"),
      expected: "no such file yet, or a DuckDB file",
      severity: isBusy ? "warning" : "failed",
      remedy: isBusy
        ? "Another process is using it: run this again."
        : "Restore the file from a backup, or move it away to start with an empty one.",
    };
  });
}

/** Opens the file and closes it again; returns the failure. */
async function openWarehouse(file: string, signal: AbortSignal): Promise<TaskError | BatonError | undefined> {
  const { DatabaseFile } = await import("../adapters/duckdb/database-file.ts");
  const database = new DatabaseFile(file, { lockWaitMs });
  try {
    await database.use(signal, async (connection) => connection.run("SELECT 1"));
    return undefined;
  } catch (error) {
    if (error instanceof TaskError || error instanceof BatonError) return error;
    throw error;
  } finally {
    await database.close();
  }
}
