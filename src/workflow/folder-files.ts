import { readdir, stat } from "node:fs/promises";
import { extname, join, resolve } from "node:path";
import { BatonError, messageOf } from "../core/errors.ts";

export interface WorkflowFile {
  readonly path: string;
  readonly kind: "code" | "data";
}

const kinds: ReadonlyMap<string, WorkflowFile["kind"]> = new Map([
  [".ts", "code"],
  [".js", "code"],
  [".mjs", "code"],
  [".yaml", "data"],
  [".yml", "data"],
  [".json", "data"],
]);

/** The files of a folder and the folders in it that may hold workflows, in the order of their paths. */
export async function listWorkflowFiles(folder: string): Promise<WorkflowFile[]> {
  const isFolder = await stat(folder).then(
    (found) => found.isDirectory(),
    (error: unknown) => missing(folder, error),
  );
  if (!isFolder) throw missing(folder, new Error("it is not a folder"));
  const files = await filesBelow(resolve(folder));
  return files.sort((a, b) => (a.path < b.path ? -1 : 1));
}

function missing(folder: string, cause: unknown): never {
  throw new BatonError("WORKFLOW_FOLDER_MISSING", `The workflows can't be read: ${messageOf(cause)}`, {
    where: folder,
    cause,
  });
}

async function filesBelow(folder: string): Promise<WorkflowFile[]> {
  const entries = await readdir(folder, { withFileTypes: true });
  const found = entries
    .filter((entry) => !entry.name.startsWith(".") && entry.name !== "node_modules")
    .map(async (entry): Promise<WorkflowFile[]> => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return filesBelow(path);
      const kind = kindOf(entry.name);
      return kind && (await isFile(path)) ? [{ path, kind }] : [];
    });
  return (await Promise.all(found)).flat();
}

/** What a file of that name may hold; undefined when it can hold no workflow. */
export function kindOf(name: string): WorkflowFile["kind"] | undefined {
  if (name.endsWith(".d.ts") || /\.test\.[^.]+$/.test(name)) return undefined;
  return kinds.get(extname(name));
}

/** Links to files count as files: a mounted configuration is made of them. */
async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}
