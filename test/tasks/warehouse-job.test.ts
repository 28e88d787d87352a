import { expect, test } from "vitest";
import { systemClock, systemIds } from "../../src/adapters/system/system.ts";
import type { JsonText } from "../../src/core/values/json.ts";
import { applyTaskDefaults } from "../../src/core/workflow/definition.ts";
import type { StepMemory, StepResult } from "../../src/ports/task-runner.ts";
import { LocalTaskRunner } from "../../src/runtime/task-runner.ts";
import type { Services } from "../../src/runtime/task-type.ts";
import { builtInTaskTypes } from "../../src/tasks/index.ts";
import { runQuery, runQueryType } from "../../src/tasks/run-query.ts";
import { makeBigQuery } from "../adapters/bigquery-harness.ts";

const unused = (): never => {
  throw new Error("this task does not need it");
};
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Steps in memory. `stored` counts the documents that a store would have. */
class RememberedSteps implements StepMemory {
  readonly done = new Map<string, StepResult>();
  readonly waits = new Map<string, number>();
  async find(name: string) {
    return this.done.get(name);
  }
  async store(name: string, kind: StepResult["kind"], value: JsonText) {
    const step = this.done.get(name) ?? { kind, value: JSON.parse(value.text) };
    this.done.set(name, step);
    return step;
  }
  async startWait(name: string) {
    const since = this.waits.get(name) ?? Date.now();
    this.waits.set(name, since);
    return { since, now: Date.now() };
  }
  async event() {
    return undefined;
  }
  get stored() {
    return this.done.size + this.waits.size;
  }
}

async function makeTask(waitMs: number) {
  const { server, warehouse, another } = await makeBigQuery({ waitMs });
  const services: Services = new Proxy(Object.create(null), {
    get: (_, name) => (name === "warehouse" ? warehouse : unused()),
  });
  const runner = new LocalTaskRunner({
    code: {
      findType: (_workflowId, type) => builtInTaskTypes.get(type),
      findFunction: async () => undefined,
      findKeyFunction: async () => undefined,
      findCondition: async () => undefined,
    },
    services,
    callbacks: { send: async () => unused() },
    secrets: { read: async () => unused() },
    clock: systemClock,
    ids: systemIds,
    logger: silent,
  });
  const memory = new RememberedSteps();
  const { type, with: parameters } = runQuery({ sql: "SELECT 1 AS a", into: "total", mode: "append" });
  const task = applyTaskDefaults({ id: "sum", type, with: parameters, after: [] });
  const run = (attempt = 1) =>
    runner.run({
      batchId: "batch",
      workflowId: "flow",
      definitionHash: "none",
      task,
      input: null,
      attempt,
      idempotencyKey: "batch/sum",
      leaseSeconds: 60,
      renew: async () => true,
      parentOutcome: async () => unused(),
      memory: () => memory,
      callback: undefined,
    });
  const cancel = () =>
    runQueryType.cancel?.(
      {
        batchId: "batch",
        taskId: "sum",
        idempotencyKey: "batch/sum",
        services,
        log: silent,
        stored: async () => undefined,
      },
      runQueryType.parameters.parse(parameters),
    );
  const rows = () => another().rows("SELECT a FROM total", {}, 9, new AbortController().signal);
  return { server, memory, run, cancel, rows };
}

test("a job that is done while it is waited for costs no stored step, and its price is in the result", async () => {
  const { memory, run } = await makeTask(60_000);
  const outcome = await run();
  expect(outcome.kind === "succeeded" && JSON.parse(outcome.result.text)).toEqual({
    table: "total",
    rows: 1,
    tableRows: 1,
    bytesBilled: 10_485_760,
  });
  expect(memory.stored).toBe(0);
});

test("a task whose job runs longer leaves the machine, and finds the job when it is taken up again", async () => {
  const { server, memory, run, rows } = await makeTask(1);
  server.holdJobs();
  for (let visit = 0; visit < 3; visit++)
    expect(await run()).toMatchObject({ kind: "parked", reason: "poll", seconds: 15 });
  expect(memory.stored).toBe(1);
  server.releaseJobs();
  await expect.poll(async () => (await run()).kind).toBe("succeeded");
  expect(server.jobs()).toHaveLength(1);
  expect(await rows()).toEqual([{ a: 1 }]);
});

test("a job that fails while its task is parked fails the task; a later attempt begins another", async () => {
  const { server, run, rows } = await makeTask(1);
  server.holdJobs();
  expect((await run()).kind).toBe("parked");
  server.failNextJob("backendError", "Try again.");
  server.releaseJobs();
  await expect.poll(() => server.jobs()[0]?.state).toBe("DONE");
  expect(await run()).toMatchObject({ kind: "failed", error: { code: "WAREHOUSE_FAILED", retryable: true } });
  await expect.poll(async () => (await run(2)).kind).toBe("succeeded");
  expect(
    server
      .jobs()
      .slice(0, 2)
      .map(({ id }) => id.slice(-2)),
  ).toEqual(["_0", "_1"]);
  expect(await rows()).toEqual([{ a: 1 }]);
});

test("cancelling the task ends its job, also before it has started, and more than once", async () => {
  const { server, run, cancel } = await makeTask(1);
  await cancel();
  server.holdJobs();
  expect((await run()).kind).toBe("parked");
  await cancel();
  await cancel();
  expect(server.jobs().map(({ state, problem }) => [state, problem?.reason])).toEqual([["DONE", "stopped"]]);
});

test("the limit of a query's price is a parameter of its task", () => {
  const parameters = { sql: "SELECT 1 AS a", into: "t", maximumBytesBilled: 1_000 };
  expect(runQuery(parameters).with).toEqual(parameters);
  expect(() => runQuery({ ...parameters, maximumBytesBilled: 0 })).toThrow(/maximumBytesBilled/);
});
