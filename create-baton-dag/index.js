#!/usr/bin/env node
// `npm create baton-dag` is `baton init` of the package that it brings.
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

const baton = fileURLToPath(new URL("bin/baton.js", import.meta.resolve("baton-dag/package.json")));
const { status } = spawnSync(process.execPath, [baton, "init", ...process.argv.slice(2)], {
  stdio: "inherit",
});
process.exitCode = status ?? 1;
