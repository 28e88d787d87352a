import { registerHooks } from "node:module";

const entry = new URL(import.meta.url.endsWith(".ts") ? "../index.ts" : "../index.js", import.meta.url);
let provided = false;

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
        if (!isMissing(error)) throw error;
        if (specifier === "baton") return { url: entry.href, format: formatOf(entry), shortCircuit: true };
        if (specifier !== "zod" && !specifier.startsWith("zod/")) throw error;
        return nextResolve(specifier, { ...context, parentURL: import.meta.url });
      }
    },
  });
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error &&
    "code" in error &&
    (error.code === "ERR_MODULE_NOT_FOUND" || error.code === "MODULE_NOT_FOUND")
  );
}

function formatOf(url: URL): string {
  return url.pathname.endsWith(".ts") ? "module-typescript" : "module";
}
