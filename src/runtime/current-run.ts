import { AsyncLocalStorage } from "node:async_hooks";
import type { LogFields } from "../ports/logger.ts";
import type { Assignment, StepMemory } from "../ports/task-runner.ts";
import { countsNoTime, type TaskTime, type Turn } from "../ports/task-time.ts";

/** The run of a task, as whatever its code calls or leaves behind can find it. */
export interface CurrentRun extends TaskTime {
  readonly labels: LogFields;
  /** An exception that its code does not catch: fails the attempt at once. False when that has ended. */
  threw(thrown: unknown): boolean;
  /**
   * A promise that nothing awaits, at least not yet: unless something does, it is a warning. False when the attempt
   * has ended.
   */
  rejected(promise: Promise<unknown>, reason: unknown): boolean;
  /** Something awaits it after all. */
  handled(promise: Promise<unknown>): void;
}

/** Promises, timers and events carry it along from where they were made. */
const current = new AsyncLocalStorage<CurrentRun | undefined>();

export function insideRun<T>(run: CurrentRun, work: () => T): T {
  return current.run(run, work);
}

/** What the engine does because the code of a task asks for it: whatever that leaves behind is not the task's. */
export function asOfEngine({ memory, parentOutcome }: Pick<Assignment, "memory" | "parentOutcome">) {
  const outside = <T>(work: () => T): T => current.run(undefined, work);
  const ofEngine: StepMemory = {
    find: (name) => outside(() => memory.find(name)),
    keep: (name, kind, value) => outside(() => memory.keep(name, kind, value)),
    waiting: (name) => outside(() => memory.waiting(name)),
    event: (name) => outside(() => memory.event(name)),
  };
  return { memory: ofEngine, parentOutcome: (taskId: string) => outside(() => parentOutcome(taskId)) };
}

/** The run that the code which is running now belongs to, or that an error which nothing caught came from. */
export function currentRun(): CurrentRun | undefined {
  return current.getStore();
}

/** The time of whichever task asks. */
export const taskTime: TaskTime = {
  askForTurn: (): Turn => (current.getStore() ?? countsNoTime).askForTurn(),
};

/** Work in which the time of the task that asks for it stands still. */
export async function uncounted<T>(work: () => Promise<T>): Promise<T> {
  const turn = taskTime.askForTurn();
  try {
    return await work();
  } finally {
    turn.ends();
  }
}
