// Makes `npx baton` in a clone find the command at once: npm links the commands of dependencies, not of the project itself.
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { fileURLToPath } from "node:url";

const folder = fileURLToPath(new URL("../node_modules/.bin", import.meta.url));
mkdirSync(folder, { recursive: true });
rmSync(`${folder}/baton`, { force: true });
symlinkSync("../../bin/baton.js", `${folder}/baton`);
