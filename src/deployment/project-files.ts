import { existsSync, globSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, relative, resolve, sep } from "node:path";
import { errorMessage } from "../core/errors/errors.ts";
import { toJavaScript } from "../workflow/typescript-source.ts";

/** The files of a project that its function needs. Paths start at the project's folder. */
export interface ProjectFiles {
  readonly files: readonly string[];
  /** Why they can't be deployed. */
  readonly problems: readonly string[];
}

const code = /\.[cm]?[jt]s$/;
const test = /\.test\.[^./]+$|\.d\.[cm]?ts$/;
const literal =
  /(?<keyword>\bfrom\s*|\bimport\s*\(?\s*)?(?<quote>["'`])(?<path>\.{1,2}\/[^"'`\n$]+)\k<quote>/g;

/**
 * All files of the workflow folder but tests, the files that they name by a relative path, such as `"../lib/page.ts"`
 * or `new URL("query.sql", …)` with `./query.sql`, and those that these name. Also what `files` of package.json names.
 */
export function projectFiles(
  folder: string,
  { workflows, patterns }: { readonly workflows: string; readonly patterns: readonly string[] },
): ProjectFiles {
  const found = new Set([
    ...filesBelow(workflows),
    ...patterns.flatMap((pattern) => matching(folder, pattern)),
  ]);
  const problems: string[] = [];
  // Files that are found are looked at too.
  for (const file of found) {
    if (!code.test(file)) continue;
    for (const { path, isImport } of namedFiles(file)) {
      const isInside = isBelow(folder, path) && !path.includes(`${sep}node_modules${sep}`);
      if (isInside) found.add(path);
      else if (isImport)
        problems.push(`${relative(folder, file)} imports ${path}, which is outside of the project`);
    }
  }
  const files = [...found].map((path) => relative(folder, path)).sort();
  const doubled = files.filter((path) => compiledName(path) !== path && files.includes(compiledName(path)));
  return {
    files,
    problems: [
      ...problems,
      ...doubled.map((path) => `${path} and ${compiledName(path)} exist: remove one of them`),
    ],
  };
}

function filesBelow(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .filter(({ name }) => !name.startsWith(".") && name !== "node_modules" && !test.test(name))
    .flatMap((entry) => {
      const path = join(folder, entry.name);
      return statSync(path).isDirectory() ? filesBelow(path) : [path];
    });
}

function matching(folder: string, pattern: string): string[] {
  return globSync(pattern, { cwd: folder })
    .map((name) => resolve(folder, name))
    .filter((path) => isBelow(folder, path))
    .flatMap((path) => (statSync(path).isDirectory() ? filesBelow(path) : [path]));
}

/** The files that exist and that a text of the code names. */
function namedFiles(file: string) {
  return [...readFileSync(file, "utf8").matchAll(literal)]
    .map(({ groups }) => ({
      path: resolve(dirname(file), groups?.path ?? ""),
      isImport: groups?.keyword !== undefined,
    }))
    .filter(({ path }) => existsSync(path) && statSync(path).isFile());
}

function isBelow(folder: string, path: string): boolean {
  return path.startsWith(folder + sep);
}

/** The name of a file in the deployed folder, where no TypeScript is left to compile. */
export function compiledName(path: string): string {
  return path.replace(/(?<!\.d)\.([cm]?)ts$/, ".$1js");
}

/** The text of a file in the deployed folder. Throws an error with the file for text that is not TypeScript. */
export function compiled(folder: string, path: string): Buffer {
  const source = readFileSync(join(folder, path));
  if (compiledName(path) === path) return source;
  try {
    return Buffer.from(toJavaScript(source.toString()).source);
  } catch (cause) {
    throw new Error(`${path} can't be compiled: ${errorMessage(cause)}`, { cause });
  }
}
