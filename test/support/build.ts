import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { seedOfToday } from "./cases-of-today.ts";
import { collectLogs, refuseSecrets } from "./collected-logs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Runs once for each project before its tests; only the first call does anything. Returns what runs after all tests.
 */
export default function setup(): () => void {
  if (!collectLogs()) return () => undefined;
  process.env.BATON_TEST_SEED ??= String(seedOfToday);
  process.stdout.write(`Cases of today: BATON_TEST_SEED=${seedOfToday} repeats them\n`);
  shareCompiledCode();
  build();
  return refuseSecrets;
}

/** Tests start many processes that load the same code: Node compiles it once. */
function shareCompiledCode(): void {
  process.env.NODE_COMPILE_CACHE ??= `${root}/node_modules/.cache/compiled`;
}

/** Tests that start the built command need dist/ to be what the sources say. */
function build(): void {
  const parameters = [`${root}/scripts/build.js`, "--if-changed"];
  const { status, stdout } = spawnSync(process.execPath, parameters, { encoding: "utf8" });
  if (status !== 0) throw new Error(`The build failed:\n${stdout}`);
}
