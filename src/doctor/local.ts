import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { access, constants, rm, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Configuration } from "../configuration/configuration.ts";
import { BatonError, errorMessage, TaskError } from "../core/errors/errors.ts";
import { quoteForShell } from "../core/values/text.ts";
import { type CheckGroup, checkResult } from "./check.ts";

const leastFreeBytes = 1024 ** 3;

/** How long another process that uses the warehouse file is waited for. */
const lockWaitMs = 2_000;

/** What the embedded engine needs of this machine. */
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
  const finding = {
    holds: (major === 22 && minor >= 18) || major === 24 || major === 26,
    found: node,
    expected: "22.18 or a newer 22, 24 or 26",
    severity: "warning",
    remedy: "Install Node 24.",
  } as const;
  return {
    id: "node.version",
    subject: "Node.js",
    run: () => [checkResult("node.version", "Node.js", finding)],
  };
}

/** Writes a file: the disk may be full or read-only although the rights allow it. */
function folderGroup(folder: string): CheckGroup {
  return {
    id: "data.folder",
    subject: folder,
    async run() {
      const existing = nearestExisting(folder);
      const probe = join(existing, `.baton-doctor-${randomUUID()}`);
      const problem = await problemOf(writeFile(probe, "").then(() => rm(probe)));
      return [
        checkResult("data.folder", folder, {
          holds: problem === undefined,
          found: problem ?? (existing === folder ? "it can be written to" : `it can be made in ${existing}`),
          expected: "a folder that can be written to",
          remedy: "Make the folder writable for this user, or set BATON_DATA to another.",
        }),
      ];
    },
  };
}

function diskGroup(folder: string): CheckGroup {
  return {
    id: "data.disk",
    subject: folder,
    async run() {
      const { bavail, bsize } = await statfs(nearestExisting(folder));
      const freeBytes = bavail * bsize;
      return [
        checkResult("data.disk", folder, {
          holds: freeBytes >= leastFreeBytes,
          found: `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`,
          expected: "1 GiB or more",
          severity: "warning",
          remedy: "Free some space, or set BATON_DATA to a folder of another disk.",
        }),
      ];
    },
  };
}

/** The folder, or the first above it that exists. */
function nearestExisting(folder: string): string {
  return existsSync(folder) || dirname(folder) === folder ? folder : nearestExisting(dirname(folder));
}

function problemOf(action: Promise<void>): Promise<string | undefined> {
  return action.then(() => undefined, errorMessage);
}

function inboxGroup({ folder, configured }: Configuration["inbox"]): CheckGroup {
  return {
    id: "data.inbox",
    subject: folder,
    async run() {
      const problem = await problemOf(access(folder, constants.R_OK));
      const absent = configured ? problem : "it is made with the first start";
      return [
        checkResult("data.inbox", folder, {
          holds: problem === undefined || !configured,
          found: (problem && absent) ?? "it is there",
          expected: "a folder that can be read",
          remedy: "Create the folder, or set BATON_INBOX to one that exists.",
          commands: [`mkdir -p ${quoteForShell(folder)}`],
        }),
      ];
    },
  };
}

function warehouseGroup(file: string): CheckGroup {
  return {
    id: "data.warehouse",
    subject: file,
    async run(signal) {
      const exists = existsSync(file);
      const problem = exists ? await openWarehouse(file, signal) : undefined;
      const isBusy = problem?.code === "WAREHOUSE_LOCKED";
      return [
        checkResult("data.warehouse", file, {
          holds: problem === undefined,
          found: problem?.message ?? (exists ? "it can be read" : "it is made with the first query"),
          expected: "no such file yet, or a DuckDB file",
          severity: isBusy ? "warning" : "failed",
          remedy: isBusy
            ? "Another process is using it: run this again."
            : "Restore the file from a backup, or move it away to start with an empty one.",
        }),
      ];
    },
  };
}

/** Opens the file and closes it again; gives what was wrong. */
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
