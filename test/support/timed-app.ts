import { onTestFinished } from "vitest";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import type { BatchView } from "../../src/core/views/views.ts";
import type { Clock } from "../../src/ports/machine.ts";
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
  /**
   * Lets this much time pass at once, and a little more: what is due happens. No polls happen in between.
   */
  skip(seconds: number): Promise<void>;
  start(workflowId: string, input?: BatchView["input"]): Promise<string>;
}

/** A real app, all of it, in which time passes only when the test moves it. */
export function timedApp({
  clock = new VirtualClock(),
  ...options
}: Omit<TestAppOptions, "clock"> & { readonly clock?: VirtualClock }): TimedApp {
  // Whole milliseconds, like those of a real one.
  const whole: Clock = {
    now: () => Math.floor(clock.now()),
    monotonicMs: () => clock.monotonicMs(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
  };
  const outside = new Outside();
  const app = testApp({
    ...options,
    clock: whole,
    around: (plain) => {
      const watched = {
        ...plain,
        callbacks: outside.watched(plain.callbacks),
        objects: outside.watched(plain.objects),
      };
      return options.around ? options.around(watched) : watched;
    },
  });
  const step = async (ms: number) => {
    await clock.advance(ms);
    await outside.settled();
  };
  const close = async () => {
    let closed = false;
    const closing = app.close().finally(() => {
      closed = true;
    });
    while (!closed) await step(100);
    await closing;
  };
  onTestFinished(close);
  const until: TimedApp["until"] = async (look, mostSeconds = 600) => {
    const stride = Math.max(1, mostSeconds / 300);
    for (let seconds = 0; seconds <= mostSeconds; seconds += stride) {
      const seen = await look();
      if (seen !== undefined && seen !== false) return seen;
      await step(stride * 1_000);
    }
    throw new Error(`Nothing came of it in ${mostSeconds} s`);
  };
  return {
    app: { ...app, close },
    clock,
    until,
    skip: async (seconds) => {
      clock.set(seconds * 1_000);
      for (let second = 0; second < 5; second += 1) await step(1_000);
    },
    ended: (batchId, mostSeconds) =>
      until(async () => {
        const view = await app.engine.admin.show(batchId);
        return view.status !== "RUNNING" && view;
      }, mostSeconds),
    start: async (workflowId, input) => {
      const message = { kind: "start", workflowId, ...(input !== undefined && { input }) } as const;
      return (await app.engine.start(message)).batchId;
    },
  };
}

/** What really takes time: the loopback, the disk. */
class Outside {
  #underWay = 0;

  /** A port whose calls are awaited before time passes. */
  watched<Port extends object>(port: Port): Port {
    return new Proxy(port, {
      get: (target, name) => {
        const member: unknown = Reflect.get(target, name, target);
        if (typeof member !== "function") return member;
        return async (...parameters: unknown[]) => {
          this.#underWay += 1;
          try {
            return await Reflect.apply(member, target, parameters);
          } finally {
            this.#underWay -= 1;
          }
        };
      },
    });
  }

  async settled(): Promise<void> {
    do await new Promise((resolve) => setTimeout(resolve, 1));
    while (this.#underWay > 0);
  }
}
