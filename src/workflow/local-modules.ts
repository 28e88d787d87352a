import { statSync } from "node:fs";
import { createRequire, registerHooks } from "node:module";
import { fileURLToPath, pathToFileURL } from "node:url";

/** Marks the URLs of modules that were loaded again: to Node, another URL is another module. */
const parameter = "baton-reload";
const own = new URL("../", import.meta.url).href;
const cached = createRequire(import.meta.url).cache;
/** Files that workflow files import, directly or not, as they were just before they were read. */
const imported = new Map<string, string>();
const known = new Set<string>();
let isFollowing = false;

/**
 * From now on, what workflow files import is noted; and a module that is loaded again loads what it imports again. Only
 * modules of the user's own: packages in `node_modules`, and Baton, are loaded once.
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

/** What tells whether a file has changed. */
export function stateOf(path: string): string {
  const found = statSync(path, { throwIfNoEntry: false });
  return found ? `${found.mtimeMs} ${found.size} ${found.ino}` : "missing";
}

/** The URL to import the file from. `reload` 0: as any program imports it. */
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
