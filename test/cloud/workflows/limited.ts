import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { workflow } from "baton-dag";
import type { BuiltWorkflow } from "../../../src/workflow/workflow.ts";

/** Where the beginning and the end of every piece of work is written down. */
const effects = process.env.TEST_EFFECTS ?? "/dev/null";

/** While there is no such file, no work comes to its end. */
const gate = process.env.TEST_GATE;

/** Tasks of the queue that has no limits; each waits until all of them run. */
const open = ["o0", "o1", "o2", "o3", "o4"];
const narrow = Array.from({ length: 12 }, (_, index) => `n${index}`);

interface Run {
  readonly taskId: string;
  readonly attempt: number;
}

interface Growing extends BuiltWorkflow {
  task(id: string, work: (run: Run) => Promise<null>, policies: object): Growing;
}

function note(what: string, { taskId, attempt }: Run): void {
  appendFileSync(effects, `${what} ${process.pid} ${taskId} ${attempt}\n`);
}

async function work(run: Run): Promise<null> {
  note("begin", run);
  await untilLet();
  note("end", run);
  return null;
}

/** Until the file is there; without one, for a moment. */
async function untilLet(): Promise<void> {
  if (gate === undefined) return void (await sleep(150));
  while (!existsSync(gate)) await sleep(20);
}

/** Comes to its end only if none of the others has to wait for it. */
async function together(run: Run): Promise<null> {
  note("open", run);
  while (!open.every((taskId) => readFileSync(effects, "utf8").includes(` ${taskId} `))) await sleep(20);
  return null;
}

const base = workflow("limited")
  .task(
    "flaky",
    async (context) => {
      await work(context);
      if (context.attempt < 3) throw new Error("not yet");
      return null;
    },
    { queue: "narrow", retry: { maxAttempts: 20, initial: "1s", factor: 1 } },
  )
  .task(
    "sleeper",
    async (context) => {
      await work(context);
      await context.step.sleep("nap", "1s");
      return work(context);
    },
    { queue: "narrow" },
  ) as unknown as Growing;

const withNarrow = narrow.reduce((flow, id) => flow.task(id, work, { queue: "narrow" }), base);
const withOpen = open.reduce((flow, id) => flow.task(id, together, { queue: "open" }), withNarrow);

/** More work than a narrow queue runs at once: first attempts, retries and sleeps, beside work of another queue. */
export const limited = withOpen.task("last", work, {
  queue: "narrow",
  after: [...narrow, ...open, "flaky", "sleeper"],
});
