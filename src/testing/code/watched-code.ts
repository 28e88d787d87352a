import type { AnyTaskFunction, TaskContext } from "../../runtime/task-type.ts";
import { WaitForCompletion } from "../../runtime/task-type.ts";
import type { Process } from "../world/process.ts";
import type { Random } from "../world/random.ts";
import type { RealWork } from "./real-work.ts";
import { type CodeWorld, insideWorld, outsideWorld } from "./virtual-globals.ts";
import { type RunObserver, WatchedRun } from "./watched-run.ts";
import { spyServices } from "./watched-services.ts";

/** Where the code of tasks runs. */
export interface CodePlace {
  readonly process: Process;
  readonly work: RealWork;
  readonly observer: RunObserver;
  readonly random: Random;
}

/** The function of a task in the world: its time, chance and services are the world's, and all it does is noted. */
export function watched(run: AnyTaskFunction, place: CodePlace): AnyTaskFunction {
  return async (context) => {
    const { process, work, observer, random } = place;
    const watch = new WatchedRun(context, process, work, observer);
    const services = spyServices(context.services, watch);
    const world: CodeWorld = {
      now: () => {
        watch.readsClock = true;
        return process.now();
      },
      after: (delayMs, callback) => watch.setTimer(delayMs, callback),
      random: () => {
        watch.usesChance = true;
        return random.next();
      },
      fetch: (request) => services.fetch(request),
    };
    return insideWorld(world, () => runWatched(run, spyContext(context, watch, services.all), watch));
  };
}

async function runWatched(run: AnyTaskFunction, context: TaskContext, watch: WatchedRun): Promise<unknown> {
  try {
    const value = await run(context);
    if (value instanceof WaitForCompletion) watch.end({ kind: "parked" });
    else watch.returned(value);
    return value;
  } catch (error) {
    watch.end({ kind: "threw", error });
    throw error;
  }
}

/** The same context, whose calls are noted. */
function spyContext(context: TaskContext, watch: WatchedRun, services: TaskContext["services"]): TaskContext {
  const call = <T>(work: () => Promise<T>): Promise<T> => watch.waitFor(outsideWorld(work));
  const step = async <Result>(name: string, work: () => Promise<Result> | Result): Promise<Result> => {
    watch.reachStep(name);
    const result = await watch.waitFor(context.step(name, () => watch.stepWork(name, work)));
    watch.finishStep(name);
    return result;
  };
  const wait = async <Result>(name: string, work: () => Promise<Result>): Promise<Result> => {
    watch.reachStep(name);
    watch.waits += 1;
    const result = await watch.waitFor(work());
    watch.waits -= 1;
    return result;
  };
  const { step: real } = context;
  const steps: TaskContext["step"] = Object.assign(step, {
    sleep: (name: string, duration: Parameters<typeof real.sleep>[1]) =>
      wait(name, () => real.sleep(name, duration)),
    sleepUntil: (name: string, when: Date) => wait(name, () => real.sleepUntil(name, when)),
    poll: <Result>(
      name: string,
      options: Parameters<typeof real.poll>[1],
      look: () => Promise<Result | undefined> | Result | undefined,
    ) => wait(name, () => real.poll(name, options, () => watch.stepWork(name, look, true))),
    waitForEvent: (name: string, options: Parameters<typeof real.waitForEvent>[1]) =>
      wait(name, () => real.waitForEvent(name, options)),
  });
  return {
    ...context,
    services,
    step: steps,
    parent: (taskId) => call(() => context.parent(taskId)),
    parentStatus: (taskId) => call(() => context.parentStatus(taskId)),
    callback: { progress: (data) => call(() => context.callback.progress(data)) },
  };
}
