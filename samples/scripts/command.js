import { spawn } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The folder of this project. */
export const project = fileURLToPath(new URL("..", import.meta.url));

const baton = fileURLToPath(new URL("bin/baton.js", import.meta.resolve("baton-dag/package.json")));

/** Variables of a deployment, or of another Baton, do not apply to the samples. */
export function ownEnvironment(settings) {
  const inherited = Object.entries(process.env).filter(([variable]) => !variable.startsWith("BATON_"));
  return { ...Object.fromEntries(inherited), ...settings };
}

/** Starts `baton …` or `node …` in this project. */
export function start(command, parameters, { environment, stdout }) {
  const script = command === "baton" ? [baton] : [];
  return spawn(process.execPath, [...script, ...parameters], {
    cwd: project,
    env: environment,
    stdio: ["ignore", stdout, "inherit"],
  });
}

/** Runs the command to its end. Returns what it printed, if `stdout` is "pipe". Rejects if it fails. */
export function run(command, parameters, options) {
  const child = start(command, parameters, options);
  return new Promise((resolve, reject) => {
    let text = "";
    child.stdout?.on("data", (chunk) => {
      text += chunk;
    });
    child.on("error", reject);
    child.on("close", (code) => {
      if (code === 0) resolve(text);
      else reject(new Error(`${command} ended with ${code}`));
    });
  });
}
