import { appendFileSync, existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { workflow } from "baton-dag";

const folder = process.env.BATON_DATA ?? ".";
const once = { retry: false } as const;

/** Leaves a rejection that nothing awaits. */
export const rejects = workflow("rejects").task(
  "t",
  async () => {
    void Promise.reject(new Error("forgotten"));
    await sleep(20);
    return "fine";
  },
  once,
);

/** Throws where nothing can catch it. */
export const throws = workflow("throws").task(
  "t",
  () =>
    new Promise<string>(() => {
      setTimeout(() => {
        throw new Error("thrown");
      }, 10);
    }),
  once,
);

/** Works until its gate is opened. */
export const careful = workflow("careful").task("t", async ({ attempt, signal }) => {
  appendFileSync(`${folder}/effects.txt`, `careful ${attempt}\n`);
  while (!existsSync(`${folder}/gate`) && !signal.aborted) await sleep(20);
  return attempt;
});

// Belongs to no task.
setInterval(() => {
  if (existsSync(`${folder}/throw`)) throw new Error("of no task");
}, 20).unref();
