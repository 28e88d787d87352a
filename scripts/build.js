// Compiles src/ and functions/ into dist/. The new dist takes the place of the old one as a whole, so that no file of an
// older build stays behind and a build that fails changes nothing.
import { spawnSync } from "node:child_process";
import { renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const fresh = `${root}dist-${process.pid}`;
const tsc = `${root}node_modules/typescript/bin/tsc`;
const { status } = spawnSync(process.execPath, [tsc, "-p", `${root}tsconfig.build.json`, "--outDir", fresh], {
  stdio: "inherit",
});
if (status === 0) {
  rmSync(`${root}dist`, { recursive: true, force: true });
  renameSync(fresh, `${root}dist`);
} else rmSync(fresh, { recursive: true, force: true });
process.exitCode = status ?? 1;
