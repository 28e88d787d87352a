import { expect, onTestFinished, test, vi } from "vitest";
import { openCloud } from "../../src/app/cloud.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { applyTaskDefaults, FUNCTION_TASK_TYPE } from "../../src/core/workflow/definition.ts";
import { workflow } from "../../src/index.ts";
import type { Assignment, TaskOutcome, TaskRunner } from "../../src/ports/task-runner.ts";
import { testApp } from "../support/app.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const hanging = workflow("flow").task("hangs", () => new Promise(() => undefined));
const refuse = (): Promise<never> => Promise.reject(new Error("It is not asked for"));
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** One attempt at a task that never ends. */
function attempt(change: Partial<Assignment> & { readonly timeoutSeconds: number }): Assignment {
  const { timeoutSeconds, ...others } = change;
  return {
    batchId: "b",
    workflowId: "flow",
    definitionHash: "none",
    task: applyTaskDefaults({ id: "hangs", type: FUNCTION_TASK_TYPE, with: {}, after: [], timeoutSeconds }),
    input: null,
    attempt: 1,
    idempotencyKey: "b/hangs",
    leaseSeconds: 3_600,
    renew: async () => true,
    parentOutcome: refuse,
    memory: () => ({ find: refuse, store: refuse, startWait: refuse, event: refuse }),
    callback: undefined,
    ...others,
  };
}

/** The runner of the embedded engine, in which time passes only when the test moves it. */
function timedRunner() {
  const clock = new VirtualClock();
  const runners: TaskRunner[] = [];
  testApp({
    workflows: [hanging],
    clock,
    around: (dependencies) => {
      runners.push(dependencies.runner);
      return dependencies;
    },
  });
  const run = async (assignment: Assignment) => {
    const outcomes: TaskOutcome[] = [];
    void Promise.resolve(runners[0]?.run(assignment)).then((outcome) => outcome && outcomes.push(outcome));
    await clock.advance(0);
    return outcomes;
  };
  return { clock, run };
}

test("a task with a long lease hears of a cancel within 30 seconds", async () => {
  const { clock, run } = timedRunner();
  let asked = 0;
  const renew = async () => {
    asked += 1;
    return false;
  };
  const outcomes = await run(attempt({ timeoutSeconds: 3_500, leaseSeconds: 3_600, renew }));
  await clock.advance(29_900);
  expect(asked).toBe(0);
  await clock.advance(200);
  expect(asked).toBe(1);
  expect(outcomes).toEqual([{ kind: "abandoned" }]);
});

test("a lease that is shorter is renewed six times before it ends", async () => {
  const { clock, run } = timedRunner();
  let asked = 0;
  const renew = async () => {
    asked += 1;
    return true;
  };
  await run(attempt({ timeoutSeconds: 3_500, leaseSeconds: 12, renew }));
  await clock.advance(12_100);
  expect(asked).toBe(6);
});

test("on Google Cloud an attempt ends 30 seconds before the function that runs it", async () => {
  const runners: TaskRunner[] = [];
  const configuration = readConfiguration({
    BATON_ENGINE: "gcp",
    BATON_PROJECT: "p",
    BATON_LOCATION: "europe-west1",
    BATON_BUCKET: "bucket",
    BATON_SERVICE_ACCOUNT: "a@p.iam.gserviceaccount.com",
    BATON_WAREHOUSE: "duckdb",
    BATON_AUDIENCE: "https://baton.example",
    BATON_CALLERS: "a@p.iam.gserviceaccount.com",
    BATON_FUNCTION_TIMEOUT: "100s",
  });
  const app = openCloud({
    configuration,
    logger: silent,
    workflows: [hanging],
    around: (dependencies) => {
      runners.push(dependencies.runner);
      return dependencies;
    },
  });
  onTestFinished(() => app.close());
  vi.useFakeTimers();
  onTestFinished(() => void vi.useRealTimers());
  const outcomes: (TaskOutcome | undefined)[] = [];
  for (const timeoutSeconds of [3_500, 60])
    void Promise.resolve(runners[0]?.run(attempt({ timeoutSeconds }))).then((outcome) =>
      outcomes.push(outcome),
    );
  const failure = (text: string) => ({
    kind: "failed",
    error: { code: "TASK_TIMEOUT", retryable: true, message: expect.stringContaining(text) },
  });
  await vi.advanceTimersByTimeAsync(69_900);
  expect(outcomes).toMatchObject([failure("timeout of 60 s")]);
  await vi.advanceTimersByTimeAsync(200);
  expect(outcomes).toMatchObject([
    failure("timeout of 60 s"),
    failure("longer than 70 s, the limit of this process"),
  ]);
});
