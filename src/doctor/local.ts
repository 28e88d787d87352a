import { randomUUID } from "node:crypto";
import { access, constants, rm, stat, statfs, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Configuration } from "../composition/configuration.ts";
import { quoted } from "../composition/shell.ts";
import { messageOf } from "../core/errors.ts";
import { type CheckGroup, type CheckResult, judge } from "./check.ts";
import { warehouseGroup } from "./local-warehouse.ts";

const leastFreeBytes = 1024 ** 3;

/** What the embedded engine needs of this machine. */
export function localGroups({ data, inbox, warehouse, objects }: Configuration): CheckGroup[] {
  return [
    { id: "data.folder", subject: data, run: () => checkFolder(data) },
    { id: "data.disk", subject: data, run: () => checkDisk(data) },
    ...(objects === "folder"
      ? [{ id: "data.inbox" as const, subject: inbox.folder, run: () => checkInbox(inbox) }]
      : []),
    ...(warehouse === "duckdb" ? [warehouseGroup(join(data, "warehouse.duckdb"))] : []),
  ];
}

export function nodeGroup(): CheckGroup {
  const { node } = process.versions;
  return {
    id: "node.version",
    subject: "Node.js",
    run: () => [
      judge("node.version", {
        subject: "Node.js",
        holds: isKnown(node),
        found: node,
        expected: "22.18 or a newer 22, 24 or 26",
        otherwise: "warning",
        remedy: "Install Node 24.",
      }),
    ],
  };
}

function isKnown(version: string): boolean {
  const [major, minor = 0] = version.split(".").map(Number);
  return (major === 22 && minor >= 18) || major === 24 || major === 26;
}

/** Writes a file, since rights alone don't tell: the disk may be full, or mounted to be read only. */
async function checkFolder(folder: string): Promise<CheckResult[]> {
  const existing = await nearest(folder);
  const probe = join(existing, `.baton-doctor-${randomUUID()}`);
  const problem = await writeFile(probe, "")
    .then(() => rm(probe))
    .then(
      () => undefined,
      (error: unknown) => messageOf(error),
    );
  return [
    judge("data.folder", {
      subject: folder,
      holds: problem === undefined,
      found: problem ?? (existing === folder ? "it can be written to" : `it can be made in ${existing}`),
      expected: "a folder that can be written to",
      remedy: "Make the folder writable for this user, or set BATON_DATA to another.",
    }),
  ];
}

async function checkDisk(folder: string): Promise<CheckResult[]> {
  const { bavail, bsize } = await statfs(await nearest(folder));
  const freeBytes = bavail * bsize;
  return [
    judge("data.disk", {
      subject: folder,
      holds: freeBytes >= leastFreeBytes,
      found: `${(freeBytes / 1024 ** 3).toFixed(1)} GiB free`,
      expected: "1 GiB or more",
      otherwise: "warning",
      remedy: "Free some space, or set BATON_DATA to a folder of another disk.",
    }),
  ];
}

/** The folder, or the first above it that is there. */
async function nearest(folder: string): Promise<string> {
  const isThere = await stat(folder).then(
    () => true,
    () => false,
  );
  return isThere || dirname(folder) === folder ? folder : nearest(dirname(folder));
}

async function checkInbox({ folder, configured }: Configuration["inbox"]): Promise<CheckResult[]> {
  const problem = await access(folder, constants.R_OK).then(
    () => undefined,
    (error: unknown) => messageOf(error),
  );
  return [
    judge("data.inbox", {
      subject: folder,
      holds: problem === undefined || !configured,
      found: problem === undefined ? "it is there" : configured ? problem : "it is made with the first start",
      expected: "a folder that can be read",
      remedy: "Create the folder, or set BATON_INBOX to one that exists.",
      commands: [`mkdir -p ${quoted(folder)}`],
    }),
  ];
}
