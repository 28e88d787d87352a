import { readdirSync, rmdirSync, symlinkSync } from "node:fs";
import { constants, enableCompileCache, getCompileCacheDir } from "node:module";
import { fileURLToPath } from "node:url";

/** Where `compile.ts` stores compiled code. */
export const folder = fileURLToPath(new URL("../compile-cache", import.meta.url));

/**
 * Lets this process use the code that was compiled while its image was built. If that code is missing or does not fit,
 * the function only starts more slowly.
 */
export function useCompiledCode(): void {
  try {
    const compiled = readdirSync(folder, { withFileTypes: true }).find((entry) => entry.isDirectory());
    const { status } = enableCompileCache(folder);
    const used = getCompileCacheDir();
    if (compiled && used && status === constants.compileCacheStatus.ENABLED) linkCache(compiled.name, used);
  } catch {
    // The code is compiled again.
  }
}

/**
 * Node names the folder of its cache after its version and the features of the processor, which may differ from those
 * of the machine that built the image. V8 itself rejects code that it can't use.
 */
function linkCache(compiled: string, used: string): void {
  if (readdirSync(used).length > 0) return;
  rmdirSync(used);
  symlinkSync(compiled, used);
}
