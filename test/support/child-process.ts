import type { ChildProcess } from "node:child_process";
import { onTestFinished } from "vitest";

/**
 * Starts a child process that never outlives its test: it is killed when the test ends, also by a timeout. Code that still
 * runs after the last test starts nothing, because the hook is registered first and throws there.
 */
export function endedWithTest<Child extends ChildProcess>(start: () => Child): Child {
  let child: Child | undefined;
  onTestFinished(() => void child?.kill("SIGKILL"));
  child = start();
  return child;
}
