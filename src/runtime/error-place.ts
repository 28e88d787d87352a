import { relative } from "node:path";
import { fileURLToPath } from "node:url";
import { truncate } from "../core/values/text.ts";

/** The folder of Baton's own modules, in a build too, and where the maps of a build say that they were. */
const modules = fileURLToPath(
  import.meta.url.slice(0, import.meta.url.lastIndexOf("/src/") + "/src/".length),
);
const own = [modules, modules.replace(/\/dist\/src\/$/, "/src/")];
const longestPlace = 500;
const mostCauses = 8;

/** The last part of a line of a stack: a path or URL with line and column. A reloaded module has a parameter. */
const frame = /(?:^|[(\s])((?:file:\/\/)?\/[^()]*?)(?:\?[^:()]*)?:(\d+):(\d+)\)?$/;

/** A place in the user's code, counted from 1. */
export interface CodePlace {
  readonly path: string;
  readonly line: number;
  readonly column: number;
}

/**
 * Where the user's code threw, for people: `workflows/orders.ts:12:5`, relative to the folder of the process. Never
 * throws.
 */
export function errorPlace(thrown: unknown): string | undefined {
  const place = findOwnFrame(thrown);
  return (
    place && truncate(`${relative(process.cwd(), place.path)}:${place.line}:${place.column}`, longestPlace)
  );
}

/**
 * The first frame outside of Baton, of Node and of packages; if the error has none, that of its cause. Never throws.
 */
export function findOwnFrame(thrown: unknown): CodePlace | undefined {
  try {
    let error = thrown;
    for (let depth = 0; depth < mostCauses && error instanceof Error; depth += 1) {
      const place = ownFrame(error.stack ?? "");
      if (place !== undefined) return place;
      error = error.cause;
    }
  } catch {
    // A getter of the thrown value throws.
  }
  return undefined;
}

function ownFrame(stack: string): CodePlace | undefined {
  for (const text of stack.split("\n")) {
    const [, place = "", line, column] = (/^\s+at /.test(text) && frame.exec(text)) || [];
    if (place === "") continue;
    const path = place.startsWith("file:") ? fileURLToPath(place) : place;
    if (path.includes("/node_modules/") || own.some((folder) => path.startsWith(folder))) continue;
    return { path, line: Number(line), column: Number(column) };
  }
  return undefined;
}
