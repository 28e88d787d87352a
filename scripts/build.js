// Compiles src/ and functions/ into dist/. The new dist takes the place of the old one as a whole, so that no file of an
// older build stays behind and a build that fails changes nothing.
import { spawnSync } from "node:child_process";
import { cpSync, existsSync, globSync, renameSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const fresh = `${root}dist-${process.pid}`;
const tsc = `${root}node_modules/typescript/bin/tsc`;
const { status } = spawnSync(process.execPath, [tsc, "-p", `${root}tsconfig.build.json`, "--outDir", fresh], {
  stdio: "inherit",
});
if (status === 0) {
  // Workflows that are data are no sources, and belong to the function all the same.
  for (const name of globSync("functions/**/*.{yaml,yml,json}", { cwd: root }))
    cpSync(`${root}${name}`, `${fresh}/${name}`);
  // Out of the way before it is deleted, which takes long: whoever runs from it meanwhile finds one or the other.
  const old = `${fresh}-old`;
  if (existsSync(`${root}dist`)) renameSync(`${root}dist`, old);
  renameSync(fresh, `${root}dist`);
  rmSync(old, { recursive: true, force: true });
} else rmSync(fresh, { recursive: true, force: true });
process.exitCode = status ?? 1;
