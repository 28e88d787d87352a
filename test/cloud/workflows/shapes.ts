import { appendFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { workflow } from "baton-dag";
import * as z from "zod";

/** Where every run of a task is written down. */
const effects = process.env.TEST_EFFECTS ?? "/dev/null";

interface Run {
  readonly batchId: string;
  readonly taskId: string;
  readonly attempt: number;
}

function note({ batchId, taskId, attempt }: Run): void {
  appendFileSync(effects, `${batchId} ${taskId} ${attempt}\n`);
}

const quick = async (context: Run) => {
  note(context);
  await sleep(Math.random() * 40);
  return context.taskId;
};

const Input = z.object({ n: z.number().default(0) }).nullable();

/** Branches, a join, a task that fails at first, one that sleeps, and one that always fails beside them. */
export const mixed = workflow("mixed", { input: Input })
  .task("first", quick)
  .task("left", quick, { after: ["first"] })
  .task("right", quick, { after: ["first"] })
  .task(
    "flaky",
    (context) => {
      note(context);
      if (context.attempt < 2) throw new Error("not yet");
      return context.attempt > 1;
    },
    { after: ["first"], retry: { maxAttempts: 20, initial: "1s", factor: 1 } },
  )
  .task(
    "sleeper",
    async (context) => {
      note(context);
      const value = await context.step("value", () => 42);
      await context.step.sleep("nap", "1s");
      return value;
    },
    { after: ["left"] },
  )
  .task("join", quick, { after: ["left", "right", "flaky"] })
  .task("last", quick, { after: ["join", "sleeper"] });

/** One branch fails for good: its children are skipped, the other tasks run. */
export const failing = workflow("failing", { input: Input })
  .task("first", quick)
  .task(
    "fails",
    (context): string => {
      note(context);
      throw new Error("never");
    },
    { after: ["first"], retry: false },
  )
  .task("skipped", quick, { after: ["fails"] })
  .task("beside", quick, { after: ["first"] })
  .task("anyway", quick, { after: ["fails", "beside"], rule: "all_ended" });

/** Runs once: the second batch gets the result of the first. */
export const keyed = workflow("keyed", { input: Input }).task(
  "work",
  async (context) => {
    note(context);
    await sleep(20);
    return "done";
  },
  { idempotency: { key: { fields: ["n"] }, ttl: "1h", lock: "3s" } },
);

/** The first attempt runs until it is aborted. */
export const slow = workflow("slow", { input: Input }).task("works", async (context) => {
  note(context);
  if (context.attempt > 1) return "done";
  await new Promise((resolve) => context.signal.addEventListener("abort", resolve));
  throw new Error("stopped");
});
