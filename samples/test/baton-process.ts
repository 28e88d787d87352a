import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { onTestFinished } from "vitest";

const baton = fileURLToPath(new URL("bin/baton.js", import.meta.resolve("baton-dag/package.json")));
const project = fileURLToPath(new URL("..", import.meta.url));

/** For a process that lives an hour later than others, so that leases of a process that died are over. */
export const anHourLater = {
  NODE_OPTIONS: `--import=${new URL("hour-later-child.ts", import.meta.url).href}`,
};

interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** `baton …` in this project, in a process of its own that ends with the test. */
export function startBaton(
  parameters: readonly string[],
  environment: Readonly<Record<string, string>>,
): { readonly child: ChildProcess; readonly ended: Promise<Ended> } {
  const child = spawn(process.execPath, [baton, ...parameters], {
    cwd: project,
    env: { PATH: process.env.PATH ?? "", ...environment },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    output.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    output.stderr += chunk;
  });
  onTestFinished(() => void child.kill("SIGKILL"));
  const ended = once(child, "close").then(([code, signal]) => ({ code, signal, ...output }));
  return { child, ended };
}
