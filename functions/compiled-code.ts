import { readdirSync, rmdirSync, symlinkSync } from "node:fs";
import { constants, enableCompileCache, getCompileCacheDir } from "node:module";
import { fileURLToPath } from "node:url";

/** Where `compile.ts` keeps compiled code. */
export const folder = fileURLToPath(new URL("../compile-cache", import.meta.url));

/**
 * Lets this process use what was compiled while its image was built. Without it the function only starts more slowly: where
 * there is none, or it can't be used, nothing happens.
 */
export function useCompiledCode(): void {
  try {
    const compiled = readdirSync(folder, { withFileTypes: true }).find((entry) => entry.isDirectory());
    const { status } = enableCompileCache(folder);
    const used = getCompileCacheDir();
    if (compiled && used && status === constants.compileCacheStatus.ENABLED) adopt(compiled.name, used);
  } catch {
    // The code is compiled again.
  }
}

/**
 * Node names the folder of its cache after its own version and the features of the processor, and both may differ from those
 * of the machine that built the image. V8 itself refuses code that it can't use.
 */
function adopt(compiled: string, used: string): void {
  if (readdirSync(used).length > 0) return;
  rmdirSync(used);
  symlinkSync(compiled, used);
}
