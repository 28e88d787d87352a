import { registerHooks } from "node:module";
import { codeOf } from "../core/errors.ts";

const entry = new URL(import.meta.url.endsWith(".ts") ? "../index.ts" : "../index.js", import.meta.url);
let provided = false;
const missing: ReadonlySet<unknown> = new Set(["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"]);

/**
 * From now on, a file anywhere can import `baton` and `zod`, also where no `node_modules` holds them: what can't be
 * resolved there is resolved to this package, and to what it uses itself.
 */
export function providePackages(): void {
  if (provided) return;
  provided = true;
  registerHooks({
    resolve(specifier, context, nextResolve) {
      try {
        return nextResolve(specifier, context);
      } catch (error) {
        if (!missing.has(codeOf(error))) throw error;
        if (specifier === "baton") return { url: entry.href, format: formatOf(entry), shortCircuit: true };
        if (specifier !== "zod" && !specifier.startsWith("zod/")) throw error;
        return nextResolve(specifier, { ...context, parentURL: import.meta.url });
      }
    },
  });
}

function formatOf(url: URL): string {
  return url.pathname.endsWith(".ts") ? "module-typescript" : "module";
}
