import { readFileSync } from "node:fs";
import {
  registerHooks,
  type StripTypeScriptTypesOptions,
  setSourceMapsSupport,
  stripTypeScriptTypes,
} from "node:module";
import { fileURLToPath } from "node:url";
import { errorCode } from "../core/errors/errors.ts";

/** Without one of these words a file has no syntax that is more than types. */
const mayNeedCompiling = /\b(?:enum|namespace|module|public|private|protected|readonly|import\s+\w+\s*=)\b/;
const typescript = /\.[cm]?ts$/;
const unsupported = "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX";
const isModule = /^\s*(?:import|export)\b/m;

interface JavaScript {
  readonly source: string;
  /** False if only types were removed: each line is where it was. */
  readonly isCompiled: boolean;
}

/**
 * The JavaScript of TypeScript. Enums, namespaces and properties in constructors are compiled, since Node refuses them.
 * `sourceUrl`: where the source is, for a map of its lines. Throws Node's error for text that is not TypeScript.
 */
export function toJavaScript(text: string, sourceUrl?: string): JavaScript {
  try {
    return { source: stripTypes(text), isCompiled: false };
  } catch (error) {
    if (errorCode(error) !== unsupported) throw error;
    const map = sourceUrl === undefined ? {} : { sourceMap: true, sourceUrl };
    return { source: stripTypes(text, { mode: "transform", ...map }), isCompiled: true };
  }
}

/** Throws a syntax error. Node announces that its function is experimental, once. */
export function stripTypes(source: string, options?: StripTypeScriptTypesOptions): string {
  const { emitWarning } = process;
  process.emitWarning = () => {};
  try {
    return stripTypeScriptTypes(source, options);
  } finally {
    process.emitWarning = emitWarning;
  }
}

let isCompiling = false;

/** From now on, a TypeScript file that Node would refuse because of an enum or the like is compiled. */
export function compileTypeScript(): void {
  if (isCompiling) return;
  isCompiling = true;
  registerHooks({
    load(url, context, nextLoad) {
      const { pathname } = new URL(url);
      if (!url.startsWith("file:") || !typescript.test(pathname) || pathname.includes("/node_modules/"))
        return nextLoad(url, context);
      const text = readFileSync(fileURLToPath(new URL(pathname, url)), "utf8");
      if (!mayNeedCompiling.test(text)) return nextLoad(url, context);
      const source = compiledSource(text, url);
      if (source === undefined) return nextLoad(url, context);
      // Stacks then have the lines of the file.
      setSourceMapsSupport(true, { nodeModules: false, generatedCode: false });
      return { format: formatOf(pathname, context.format, text), source, shortCircuit: true };
    },
  });
}

/** Undefined if Node can run the text, or reports itself what is wrong with it. */
function compiledSource(text: string, url: string): string | undefined {
  try {
    const { source, isCompiled } = toJavaScript(text, url);
    return isCompiled ? source : undefined;
  } catch {
    return undefined;
  }
}

/** Without a `type` in package.json, Node looks into the text. */
function formatOf(path: string, format: string | null | undefined, text: string): "module" | "commonjs" {
  if (path.endsWith(".cts") || format?.startsWith("commonjs")) return "commonjs";
  return path.endsWith(".mts") || format?.startsWith("module") || isModule.test(text) ? "module" : "commonjs";
}
