import { onTestFinished } from "vitest";
import type { EmbeddedApp } from "../../src/composition/embedded.ts";
import type { BatchView } from "../../src/core/views.ts";
import { type TestAppOptions, testApp } from "./app.ts";
import { VirtualClock } from "./virtual-clock.ts";

export interface TimedApp {
  readonly app: EmbeddedApp;
  readonly clock: VirtualClock;
  /** Lets time pass, little by little, until something gives a value that is neither undefined nor false. */
  until<T>(
    look: () => Promise<T | undefined | false> | T | undefined | false,
    mostSeconds?: number,
  ): Promise<T>;
  ended(batchId: string, mostSeconds?: number): Promise<BatchView>;
  start(workflowId: string, input?: BatchView["input"]): Promise<string>;
}

/** A real app, all of it, in which time passes only when it is told to. */
export function timedApp(options: Omit<TestAppOptions, "clock">): TimedApp {
  const clock = new VirtualClock();
  const app = testApp({ ...options, clock });
  onTestFinished(async () => {
    let closed = false;
    const closing = app.close().finally(() => {
      closed = true;
    });
    while (!closed) await step(clock, 100);
    await closing;
  });
  const until: TimedApp["until"] = async (look, mostSeconds = 600) => {
    const stride = Math.max(1, mostSeconds / 300);
    for (let seconds = 0; seconds <= mostSeconds; seconds += stride) {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      await step(clock, stride * 1_000);
    }
    throw new Error(`Nothing came of it in ${mostSeconds} s`);
  };
  return {
    app,
    clock,
    until,
    ended: (batchId, mostSeconds) =>
      until(async () => {
        const view = await app.engine.show(batchId);
        return view.status !== "RUNNING" && view;
      }, mostSeconds),
    start: async (workflowId, input) => {
      const message = { kind: "start", workflowId, ...(input !== undefined && { input }) } as const;
      return (await app.engine.start(message)).batchId;
    },
  };
}

/** Time for what really takes some: the loopback, the disk. */
async function step(clock: VirtualClock, ms: number): Promise<void> {
  await clock.advance(ms);
  await new Promise((resolve) => setTimeout(resolve, 1));
}
