import { spawnSync } from "node:child_process";
import { globSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { collectLogs, refuseSecrets } from "./collected-logs.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** Before all tests: what they need. Given back: what is looked at once all of them have ended. */
export default function setup(): () => void {
  build();
  collectLogs();
  return refuseSecrets;
}

/** Tests that start the built command need dist/ to be what the sources say. */
function build(): void {
  const built = statSync(`${root}/dist/src/cli/main.js`, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  const sources = [
    "tsconfig.json",
    "tsconfig.build.json",
    ...globSync("{src,functions}/**/*", { cwd: root }),
  ];
  if (sources.every((source) => statSync(`${root}/${source}`).mtimeMs < built)) return;
  const { status, stdout } = spawnSync(process.execPath, [`${root}/scripts/build.js`], { encoding: "utf8" });
  if (status !== 0) throw new Error(`The build failed:\n${stdout}`);
}
