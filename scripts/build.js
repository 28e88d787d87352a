// Compiles src/ and functions/ into dist/, from nothing, so that no file of an older build stays behind.
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
rmSync(`${root}/dist`, { recursive: true, force: true });
const result = spawnSync(
  process.execPath,
  [`${root}/node_modules/typescript/bin/tsc`, "-p", `${root}/tsconfig.build.json`],
  { stdio: "inherit" },
);
process.exit(result.status ?? 1);
