import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { onTestFinished } from "vitest";

/**
 * Starts a child process that never outlives its test: it is killed when the test ends, also by a timeout. Code that
 * still runs after the last test starts nothing, because the hook is registered first and throws there.
 */
export function endedWithTest<Child extends ChildProcess>(start: () => Child): Child {
  let child: Child | undefined;
  onTestFinished(() => void child?.kill("SIGKILL"));
  child = start();
  return child;
}

/** The same with a line of shell, and with all processes that it starts. */
export function shellEndedWithTest(line: string, folder: string) {
  let pid: number | undefined;
  onTestFinished(() => {
    if (pid !== undefined) killGroup(pid);
  });
  const child = spawn("bash", ["-c", line], {
    cwd: folder,
    stdio: ["ignore", "pipe", "pipe"],
    // A group of its own, which is killed as a whole.
    detached: true,
  });
  pid = child.pid;
  return child;
}

/** Runs a line of shell to its end; gives what it printed. Throws when it fails. */
export async function runShell(line: string, folder: string): Promise<string> {
  const child = shellEndedWithTest(line, folder);
  let output = "";
  let errors = "";
  child.stdout.on("data", (chunk) => {
    output += chunk;
  });
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  const [code] = await once(child, "close");
  if (code !== 0) throw new Error(`${line} ended with ${code}: ${output}${errors}`);
  return output;
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch {
    // All of it has ended.
  }
}
