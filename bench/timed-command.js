// The time of a command, from the start to the end of its process.
import { spawnSync } from "node:child_process";

/** Bash counts the processor time of a child and of its children. Throws if it fails, unless it `mayFail`. */
export function timedCommand(words, { cwd, environment, mayFail = false }) {
  const script = 'TIMEFORMAT="%R %U %S"; time "$0" "$@" >/dev/null 2>&1';
  const { status, stderr } = spawnSync("bash", ["-c", script, process.execPath, ...words], {
    cwd,
    env: { ...process.env, ...environment },
    encoding: "utf8",
  });
  if (status !== 0 && !mayFail) throw new Error(`${words.join(" ")} exited with ${status}`);
  const [milliseconds, user, system] = stderr
    .trim()
    .split(" ")
    .map((seconds) => Number(seconds) * 1_000);
  return { milliseconds, processorMs: user + system };
}
