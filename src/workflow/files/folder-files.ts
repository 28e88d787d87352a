import { statSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { createRequire, registerHooks } from "node:module";
import { dirname, extname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";

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

/** Files in a folder and its subfolders that may hold workflows, sorted by path. */
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
  throw new BatonError("WORKFLOW_FOLDER_MISSING", `The workflows can't be read: ${errorMessage(cause)}`, {
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

/** The kind of a file with this name; undefined if it can't hold a workflow. */
export function kindOf(name: string): WorkflowFile["kind"] | undefined {
  if (name.endsWith(".d.ts") || /\.test\.[^.]+$/.test(name)) return undefined;
  return kinds.get(extname(name));
}

/** Links to files count as files: a mounted configuration consists of links. */
async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

/** The folder of Baton's own modules. In a build they are in files of a folder below it, whose number may differ. */
export const ownFolder = new URL(
  import.meta.url.slice(0, import.meta.url.lastIndexOf("/src/") + "/src/".length),
);

/** The parameter in the URL of a reloaded module. For Node another URL is another module. */
const parameter = "baton-reload";
const own = ownFolder.href;
const cached = createRequire(import.meta.url).cache;
/** Files that workflow files import, directly or not, with their state just before they were read. */
const imported = new Map<string, string>();
const known = new Set<string>();
let isFollowing = false;

/**
 * From now on the imports of workflow files are recorded, and a reloaded module loads its imports again. This concerns
 * the user's own modules only: packages in `node_modules` and Baton are loaded once.
 */
export function followImports(): void {
  if (isFollowing) return;
  isFollowing = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      const resolved = nextResolve(specifier, context);
      const { parentURL, conditions } = context;
      if (!isLocal(resolved.url) || parentURL === undefined || !isLocal(parentURL)) return resolved;
      const url = new URL(resolved.url);
      const reload = new URL(parentURL).searchParams.get(parameter);
      if (reload !== null && !conditions.includes("require")) url.searchParams.set(parameter, reload);
      note(url);
      return { ...resolved, url: url.href };
    },
  });
}

/** Only the first import of a URL reads the file. */
function note(url: URL): void {
  if (known.has(url.href)) return;
  known.add(url.href);
  const path = fileURLToPath(url);
  imported.set(path, stateOf(path));
}

/** Files that workflow files import, with their states before they were last read. */
export function importedFiles(): ReadonlyMap<string, string> {
  return imported;
}

const sqlName = /["'`](\.{1,2}\/[^"'`\n$]+\.sql)["'`]/g;

/** The SQL files that modules name by a relative path, such as `new URL("./daily.sql", import.meta.url)`. */
export async function namedSqlFiles(modules: readonly string[]): Promise<string[]> {
  const code = modules.filter((path) => /\.[cm]?[jt]s$/.test(path));
  const named = code.map(async (path) => {
    const source = await readFile(path, "utf8").catch(() => "");
    return [...source.matchAll(sqlName)].map(([, name = ""]) => resolve(dirname(path), name));
  });
  return [...new Set((await Promise.all(named)).flat())];
}

/** The state of a file: another state means that it has changed. */
export function stateOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? `${found.mtimeMs} ${found.size} ${found.ino}` : "missing";
}

/** The URL to import the file from. `reload` 0 is the first load. */
export function moduleUrl(path: string, reload: number): string {
  const url = pathToFileURL(path);
  if (reload > 0) url.searchParams.set(parameter, String(reload));
  return url.href;
}

/** CommonJS modules have no URLs: the next `require` of one reads its file again. */
export function forgetRequired(): void {
  for (const path of imported.keys()) {
    delete cached[path];
    known.delete(pathToFileURL(path).href);
  }
}

function isLocal(url: string): boolean {
  return url.startsWith("file:") && !url.includes("/node_modules/") && !url.startsWith(own);
}
