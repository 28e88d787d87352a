import { readFile } from "node:fs/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { errorCode } from "../../core/errors/errors.ts";
import { type CodePlace, findOwnFrame } from "../../runtime/error-place.ts";
import { stripTypes } from "../typescript-source.ts";
import { importedFiles } from "./folder-files.ts";

/** A syntax error starts with the place, lines of the source, and marks below the wrong part. */
const syntaxHead =
  /^(?<place>(?:file:\/\/)?\/.*?)(?:\?[^:\s]*)?:(?<line>\d+)\n(?:.*\n){1,3}?(?<marks>\s*\^)\^*\n/;
const missingImport = /^Cannot find (?:module|package) '(?<name>[^']+)' imported from (?<importer>\/.*)$/m;

/**
 * Where a file of workflows, or a module that it imports, is wrong: `path:line:column`; only the path if nothing names
 * a place. `error` is what loading `path` threw.
 */
export async function placeOfLoadError(path: string, error: unknown): Promise<string> {
  const place =
    syntaxPlace(error) ??
    (await missingImportPlace(error)) ??
    (error instanceof SyntaxError ? await unparsablePlace(path) : undefined) ??
    findOwnFrame(error);
  return place ? `${place.path}:${place.line}:${place.column}` : path;
}

function syntaxPlace(error: unknown): CodePlace | undefined {
  const groups = error instanceof Error ? syntaxHead.exec(error.stack ?? "")?.groups : undefined;
  if (!groups) return undefined;
  const { place = "", line, marks = "" } = groups;
  const path = place.startsWith("file:") ? fileURLToPath(place) : place;
  return { path, line: Number(line), column: marks.length };
}

/** Node names the importer of a missing module, but not the line. */
async function missingImportPlace(error: unknown): Promise<CodePlace | undefined> {
  if (!(error instanceof Error) || errorCode(error) !== "ERR_MODULE_NOT_FOUND") return undefined;
  const { name = "", importer = "" } = missingImport.exec(error.message)?.groups ?? {};
  const source = await readFile(importer, "utf8").catch(() => "");
  const end = name.slice(name.lastIndexOf("/") + 1);
  const found = [...source.matchAll(/(["'])([^"'\n]+)\1/g)].find(
    ([, , specifier = ""]) => specifier === name || (specifier.startsWith(".") && specifier.endsWith(end)),
  );
  if (!found) return undefined;
  const above = source.slice(0, found.index).split("\n");
  return { path: importer, line: above.length, column: (above.at(-1)?.length ?? 0) + 1 };
}

/** Node does not say where JavaScript can't be parsed. The parser for TypeScript does. */
async function unparsablePlace(path: string): Promise<CodePlace | undefined> {
  for (const candidate of [path, ...importedFiles().keys()]) {
    if (!/\.[cm]?js$/.test(candidate)) continue;
    const source = await readFile(candidate, "utf8").catch(() => "");
    try {
      stripTypes(source, { sourceUrl: pathToFileURL(candidate).href });
    } catch (error) {
      return syntaxPlace(error);
    }
  }
  return undefined;
}
