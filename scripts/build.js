// Compiles src/ and functions/ into dist/. The new dist takes the place of the old one as a whole, so that no file of an
// older build stays behind and a build that fails changes nothing.
import { spawnSync } from "node:child_process";
import { existsSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const fresh = `${root}dist-${process.pid}`;
const tsc = `${root}node_modules/typescript/bin/tsc`;
const { status } = spawnSync(process.execPath, [tsc, "-p", `${root}tsconfig.build.json`, "--outDir", fresh], {
  stdio: "inherit",
});
if (status === 0) {
  // Out of the way before it is deleted, which takes long: whoever runs from it meanwhile finds one or the other.
  const old = `${fresh}-old`;
  if (existsSync(`${root}dist`)) renameSync(`${root}dist`, old);
  renameSync(fresh, `${root}dist`);
  rmSync(old, { recursive: true, force: true });
} else rmSync(fresh, { recursive: true, force: true });
process.exitCode = status ?? 1;
