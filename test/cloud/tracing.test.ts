import { expect, onTestFinished, test } from "vitest";
import type { TraceTimeouts } from "../../src/adapters/opentelemetry/span-queue.ts";
import { BatchTracer, otlpSender } from "../../src/adapters/opentelemetry/tracer.ts";
import { TaskError } from "../../src/core/errors/errors.ts";
import { defaults } from "../../src/core/limits.ts";
import { batchTrace } from "../../src/core/messages.ts";
import type { LogFields } from "../../src/ports/telemetry.ts";
import type { AnyTaskFunction } from "../../src/runtime/task-type.ts";
import { workflow } from "../../src/workflow/builder.ts";
import { startEndpoint } from "../servers/kit/endpoint.ts";
import type { FaultPlan } from "../servers/kit/faults.ts";
import { type OtlpServer, type ReceivedSpan, startOtlpServer } from "../servers/otlp/server.ts";
import { type Edges, workflowOf } from "../support/graphs.ts";
import { impatient, patient } from "../support/patient-traces.ts";
import { cloudInProcess } from "./in-process.ts";

async function traced(faults?: FaultPlan, waits: TraceTimeouts = patient) {
  const receiver = await startOtlpServer(faults && { faults });
  const problems: unknown[] = [];
  const send = otlpSender({
    url: `${receiver.url}/v1/traces`,
    googleProject: undefined,
    resource: { "service.name": "baton" },
    exportSeconds: patient.exportSeconds,
  });
  const tracer = new BatchTracer(send, (problem) => problems.push(problem), waits);
  onTestFinished(() => receiver.close());
  return { receiver, tracer, problems };
}

/** All spans of a trace as `parent > child`, each child once. */
function tree({ spans }: OtlpServer, batchId: string): readonly string[] {
  const ours = spans.filter(({ traceId }) => traceId === batchTrace(batchId).traceId);
  const nameOf = (id: string | undefined) => ours.find(({ spanId }) => spanId === id)?.name;
  return ours.map(({ name, parentSpanId }) => `${nameOf(parentSpanId) ?? "-"} > ${name}`).sort();
}

function named({ spans }: OtlpServer, name: string): readonly ReceivedSpan[] {
  return spans.filter((span) => span.name === name);
}

test("all work on a batch is one trace: waits, attempts, steps and requests, each where it belongs", async () => {
  const { receiver, tracer } = await traced();
  const outside = await startEndpoint(() => 200);
  onTestFinished(() => outside.close());
  let failures = 1;
  const built = workflow("traced-batch")
    .task("load", async ({ step, services, signal }) =>
      step("fetch", async () => {
        const { status } = await services.http.request({
          url: `${outside.url}/secret-path?key=secret-query`,
          method: "GET",
          headers: {},
          body: undefined,
          timeoutSeconds: 10,
          maxResponseBytes: 1_000,
          signal,
        });
        return status;
      }),
    )
    .task(
      "report",
      async ({ attempt }) => {
        if (failures-- > 0) throw new TaskError("not yet", { code: "NOT_YET" });
        return attempt;
      },
      {
        after: ["load"],
        retry: { maxAttempts: 2, initial: "1s" },
        callback: { url: `${outside.url}/callback` },
      },
    )
    .task("archive", async () => null, { after: ["load"] });
  const { run, app } = await cloudInProcess([built], { tracer });
  const batchId = await run("traced-batch");
  const view = await app.engine.admin.show(batchId);
  expect(view.status).toBe("SUCCESS");
  await tracer.flush();

  expect(new Set(receiver.spans.map(({ traceId }) => traceId))).toEqual(
    new Set([batchTrace(batchId).traceId]),
  );
  const root = "batch traced-batch";
  expect(tree(receiver, batchId)).toEqual(
    [
      `- > ${root}`,
      ...["load", "report", "report", "archive", "$end"].flatMap((task) => [
        `${root} > wait to execute ${task}`,
        `${root} > execute ${task}`,
      ]),
      ...["load", "report", "archive"].flatMap((task) => [
        `${root} > wait to follow ${task}`,
        `${root} > follow ${task}`,
      ]),
      ...["load", "report", "report", "archive"].map((task) => `execute ${task} > run ${task}`),
      "run load > step fetch",
      "step fetch > GET",
      `${root} > callback`,
    ].sort(),
  );

  const [batch] = named(receiver, root);
  expect(batch).toMatchObject({
    ...batchTrace(batchId),
    attributes: { "baton.batch": batchId, "baton.workflow": "traced-batch", "baton.status": "SUCCESS" },
  });
  expect(batch?.startTimeUnixNano).toBe(Date.parse(view.createdAt));
  expect(batch?.endTimeUnixNano).toBe(Date.parse(view.endedAt ?? ""));

  const attempts = named(receiver, "run report").toSorted(
    (one, other) => one.startTimeUnixNano - other.startTimeUnixNano,
  );
  expect(attempts).toMatchObject([
    {
      status: { code: 2, message: "not yet" },
      attributes: { "baton.attempt": 1, "baton.outcome": "failed", "error.type": "NOT_YET" },
    },
    { status: { code: 0 }, attributes: { "baton.attempt": 2, "baton.outcome": "succeeded" } },
  ]);
  const [get] = named(receiver, "GET");
  expect(get).toMatchObject({ kind: 3, attributes: { "http.response.status_code": 200 } });
  const [wait] = named(receiver, "wait to execute load");
  const [handled] = named(receiver, "execute load");
  expect(wait?.endTimeUnixNano).toBeGreaterThanOrEqual(wait?.startTimeUnixNano ?? Number.POSITIVE_INFINITY);
  // It ends when the work begins.
  expect(wait?.endTimeUnixNano).toBeLessThanOrEqual(handled?.endTimeUnixNano ?? 0);
  expect(JSON.stringify(receiver.spans)).not.toContain("secret-");
});

test("each request to a service is a span with its method and its resource names", async () => {
  const { receiver, tracer } = await traced();
  const code: AnyTaskFunction = async ({ services, signal }) => {
    const name = { bucket: "reports", object: "report.txt" };
    await services.objects.write(name, Buffer.from("four"), "text/plain");
    await services.objects.list({ bucket: "reports", prefix: "report" }, { limit: 1 });
    const into = { table: "ones", mode: "replace", key: [] } as const;
    await services.warehouse.query({ jobId: "j1", sql: "SELECT 1 AS one", parameters: {}, into, signal });
    return [...(await services.warehouse.rows("SELECT one FROM ones", {}, 1, signal))];
  };
  const { run, app } = await cloudInProcess([workflowOf("asks", [["t", []]], code)], { tracer });
  const batchId = await run("asks");
  expect((await app.engine.admin.show(batchId)).tasks[0]).toMatchObject({
    status: "SUCCESS",
    result: [{ one: 1 }],
  });
  await tracer.flush();
  const described = tree(receiver, batchId).filter((line) => line.startsWith("run t > "));
  expect(described).toEqual(
    ["object list", "object write", "warehouse query", "warehouse rows"].map((name) => `run t > ${name}`),
  );
  const attributesOf = (name: string) =>
    named(receiver, name).map(({ kind, attributes }) => ({ kind, attributes }));
  expect(attributesOf("object write")).toEqual([
    {
      kind: 3,
      attributes: { "baton.bucket": "reports", "baton.object": "report.txt", "baton.bytes": 4 },
    },
  ]);
  expect(attributesOf("object list")).toEqual([
    { kind: 3, attributes: { "baton.bucket": "reports", "baton.object": "report" } },
  ]);
  expect(attributesOf("warehouse query")).toEqual([
    { kind: 3, attributes: { "baton.job": "j1", "baton.table": "ones" } },
  ]);
});

test("a wait is recorded as the end of the attempt, and a finished step is not recorded again", async () => {
  const { receiver, tracer } = await traced();
  const code: AnyTaskFunction = async ({ step }) => {
    await step("before", async () => 1);
    await step.sleep("a while", "1s");
    await step("after", async () => 2);
    return null;
  };
  const { run } = await cloudInProcess([workflowOf("sleeps", [["t", []]], code)], { tracer });
  const batchId = await run("sleeps");
  await tracer.flush();
  expect(tree(receiver, batchId).filter((line) => line.startsWith("run t"))).toEqual([
    "run t > step after",
    "run t > step before",
  ]);
  expect(named(receiver, "run t").map(({ attributes }) => attributes["baton.outcome"])).toEqual([
    "parked",
    "succeeded",
  ]);
  expect(named(receiver, "run t")[0]?.attributes).toMatchObject({ "baton.reason": "sleep" });
});

test("a failed batch is recorded as failed, once, even when the answer to its last commit is lost", async () => {
  const { receiver, tracer } = await traced();
  const fails = async () => {
    throw new TaskError("broken", { retryable: false });
  };
  const { run, setFaults } = await cloudInProcess([workflowOf("fails", [["t", []]], fails)], { tracer });
  // Every commit is applied, and comes back as an error that the client does not repeat.
  setFaults(({ method }) => (/^commit$/i.test(method) ? { kind: "error_after" } : undefined));
  const batchIds = [await run("fails"), await run("fails"), await run("fails")];
  await tracer.flush();
  const roots = named(receiver, "batch fails");
  expect(roots.map(({ attributes }) => attributes["baton.batch"]).sort()).toEqual([...batchIds].sort());
  for (const { status } of roots) expect(status.code).toBe(2);
});

test("a receiver of traces that never answers costs one delivery its limit, and fails none", async () => {
  let asked = 0;
  const silent: FaultPlan = () => {
    asked += 1;
    return { kind: "slow", delayMs: 3_600_000 };
  };
  const { tracer, problems } = await traced(silent, impatient);
  const edges = ["a", "b", "c", "d", "e"].map((id, index, all) => {
    const before = all[index - 1];
    return [id, before === undefined ? [] : [before]] as const;
  });
  const { run, app, pubsub } = await cloudInProcess([workflowOf("chain", edges, async () => null)], {
    tracer,
  });
  const batchId = await run("chain");
  expect(await app.engine.admin.status(batchId)).toMatchObject({ status: "SUCCESS" });
  expect(problems).toHaveLength(1);
  const waiting = pubsub
    .subscriptions()
    .filter(({ queued, waiting, inFlight }) => queued + waiting + inFlight > 0);
  expect(waiting).toEqual([]);
  for (let index = 0; index < 5; index += 1)
    await app.deliveries.deliver({ message: { kind: "redrive", batchId }, deliveryAttempt: 1 });
  // Nothing more was sent, so nothing was waited for.
  expect({ asked, problems: problems.length }).toEqual({ asked: 1, problems: 1 });
});

test("a failed attempt is logged, with a stack only if the error is unforeseen, and without secrets", async () => {
  const lines: { readonly message: string; readonly fields: LogFields }[] = [];
  const keep = (message: string, fields: LogFields = {}) => void lines.push({ message, fields });
  const logger = { debug: keep, info: keep, warn: keep, error: keep };
  const code: AnyTaskFunction = async ({ taskId }) => {
    if (taskId === "foreseen") throw new TaskError("no such account", { retryable: false });
    throw new TypeError("not a function");
  };
  const edges: Edges = [
    ["foreseen", []],
    ["unforeseen", []],
  ];
  const workflows = [workflowOf("stacks", edges, code, { retry: { ...defaults.retry, maxAttempts: 1 } })];
  const { run, environment } = await cloudInProcess(workflows, {}, logger);
  const batchId = await run("stacks");
  const failed = lines.filter(({ message }) => message === "attempt failed").map(({ fields }) => fields);
  const of = (taskId: string) => failed.find((fields) => fields.taskId === taskId);
  expect(of("foreseen")).toMatchObject({ batchId, attempt: 1, error: "no such account" });
  expect(of("foreseen")?.stack_trace).toBeUndefined();
  expect(of("unforeseen")?.stack_trace).toContain("tracing.test.ts");
  expect(JSON.stringify(lines)).not.toContain(environment.BATON_CALLBACK_SECRET);
});
