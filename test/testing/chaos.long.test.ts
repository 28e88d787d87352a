import type { TaskContext } from "baton-dag";
import { workflow } from "baton-dag";
import { type ChaosOptions, chaos } from "baton-dag/testing";
import { expect, test } from "vitest";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";
import { correct } from "./faulty-workflows.ts";

const single = (run: (context: TaskContext) => unknown) => workflow("single").task("only", run);

async function codes(subject: BuiltWorkflow, options: ChaosOptions = {}): Promise<readonly string[]> {
  const { findings } = await chaos(subject, { input: { order: "7" }, ...options });
  return findings.map(({ code, taskId }) => `${code} ${taskId}`);
}

test("the same work, written as it should be, is no finding in any of the usual schedules", async () => {
  expect(await codes(correct)).toEqual([]);
});

test("a job of the warehouse with another id each time is found when it is repeated", async () => {
  const run = async ({ services, signal, attempt }: TaskContext) => {
    const into = { table: "t", mode: "append", key: [] } as const;
    await services.warehouse.query({
      jobId: `${attempt}`,
      sql: "SELECT 1 AS a",
      parameters: {},
      into,
      signal,
    });
  };
  expect(await codes(single(run), { schedules: 120 })).toContain("EFFECT_REPEATED only");
});

test("a task that ends only with its signal is correct", async () => {
  const polite = single(
    ({ signal }) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => resolve(1), 90_000);
        signal.addEventListener("abort", () => {
          clearTimeout(timer);
          reject(signal.reason);
        });
      }),
  );
  expect(await codes(polite)).toEqual([]);
});

test("a sleep whose name changes is found, although the workflow never ends", async () => {
  const restless = single(async ({ step }) => {
    await step.sleep(`until ${Date.now()}`, "1h");
  });
  expect(await codes(restless, { schedules: 1 })).toContain("STEP_MOVED only");
});
