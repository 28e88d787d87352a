import { expect, onTestFinished, test } from "vitest";
import type { TraceTimeouts } from "../../src/adapters/opentelemetry/span-queue.ts";
import { traceLimits } from "../../src/adapters/opentelemetry/span-queue.ts";
import { BatchTracer, otlpSender } from "../../src/adapters/opentelemetry/tracer.ts";
import { TaskError } from "../../src/core/errors/errors.ts";
import { batchTrace } from "../../src/core/messages.ts";
import type { FaultPlan } from "../servers/kit/faults.ts";
import { serveTestHttp } from "../servers/kit/http-server.ts";
import { startOtlpServer } from "../servers/otlp/server.ts";
import { impatient, patient } from "../support/patient-traces.ts";

interface SetUp {
  readonly faults?: FaultPlan;
  readonly googleProject?: string;
  readonly waits?: TraceTimeouts;
}

async function setUp({ faults, googleProject, waits = patient }: SetUp = {}) {
  const receiver = await startOtlpServer(faults && { faults });
  const problems: unknown[] = [];
  const send = otlpSender({
    url: `${receiver.url}/v1/traces`,
    googleProject,
    resource: { "service.name": "baton" },
    exportSeconds: patient.exportSeconds,
  });
  const tracer = new BatchTracer(send, (problem) => problems.push(problem), waits);
  onTestFinished(async () => {
    await tracer.close();
    await receiver.close();
  });
  const spanOf = (name: string) => receiver.spans.find((span) => span.name === name);
  return { receiver, tracer, problems, spanOf };
}

test("nested work of a batch becomes nested spans of the batch's trace", async () => {
  const { tracer, receiver, spanOf } = await setUp();
  const before = Date.now();
  const result = await tracer.inBatch("b-1", () =>
    tracer.inSpan({ name: "outer", kind: "consumer", attributes: { "a.b": 1, absent: undefined } }, () =>
      tracer.inSpan({ name: "inner", kind: "client" }, async (span) => {
        span.set({ answer: "yes", ok: true });
        return 42;
      }),
    ),
  );
  await tracer.flush();
  const after = Date.now();
  expect(result).toBe(42);
  const { traceId, spanId } = batchTrace("b-1");
  const [outer, inner] = [spanOf("outer"), spanOf("inner")];
  expect(outer).toMatchObject({ traceId, parentSpanId: spanId, kind: 5, attributes: { "a.b": 1 } });
  expect(Object.keys(outer?.attributes ?? {})).toEqual(["a.b"]);
  expect(inner).toMatchObject({ traceId, parentSpanId: outer?.spanId, kind: 3, status: { code: 0 } });
  expect(inner?.attributes).toEqual({ answer: "yes", ok: true });
  expect(outer?.startTimeUnixNano).toBeGreaterThanOrEqual(before - 1);
  expect(inner?.startTimeUnixNano).toBeGreaterThanOrEqual(outer?.startTimeUnixNano ?? 0);
  expect(outer?.endTimeUnixNano).toBeGreaterThanOrEqual(inner?.endTimeUnixNano ?? 0);
  expect(outer?.endTimeUnixNano).toBeLessThanOrEqual(after + 1);
  expect(receiver.resource()).toMatchObject({ "service.name": "baton" });
});

test("an error of the work is rethrown, and recorded in its span", async () => {
  const { tracer, spanOf } = await setUp();
  const failed = tracer.inBatch("b-1", () =>
    tracer.inSpan({ name: "fails" }, async () => {
      throw new TaskError("the disk is full", { code: "DISK_FULL" });
    }),
  );
  await expect(failed).rejects.toThrow("the disk is full");
  await tracer.flush();
  expect(spanOf("fails")).toMatchObject({
    status: { code: 2, message: "the disk is full" },
    attributes: { "error.type": "DISK_FULL" },
    events: [{ name: "exception", attributes: { "exception.message": "the disk is full" } }],
  });
});

test("batches that are worked on at the same time keep their traces apart", async () => {
  const { tracer, receiver } = await setUp();
  const batchIds = ["b-1", "b-2", "b-3"];
  await Promise.all(
    batchIds.map((batchId) =>
      tracer.inBatch(batchId, () =>
        tracer.inSpan({ name: batchId }, async () => {
          await new Promise((resolve) => setTimeout(resolve, 5));
          expect(tracer.current()?.traceId).toBe(batchTrace(batchId).traceId);
          await tracer.inSpan({ name: batchId }, async () => undefined);
        }),
      ),
    ),
  );
  await tracer.flush();
  expect(receiver.spans).toHaveLength(6);
  for (const { name, traceId } of receiver.spans) expect(traceId).toBe(batchTrace(name).traceId);
});

test("work without a batch has no spans until its batch is known", async () => {
  const { tracer, receiver } = await setUp();
  await tracer.inBatch("other", () =>
    tracer.inBatch(undefined, async () => {
      expect(await tracer.inSpan({ name: "without batch" }, async () => 1)).toBe(1);
      expect(tracer.current()).toBeUndefined();
      tracer.assignBatch("b-1");
      await tracer.inSpan({ name: "with batch" }, async () => undefined);
    }),
  );
  await tracer.flush();
  expect(receiver.spans).toMatchObject([{ name: "with batch", parentSpanId: batchTrace("b-1").spanId }]);
});

test("a batch as a whole has the span that all others are below", async () => {
  const { tracer, receiver } = await setUp();
  const span = { batchId: "b-1", startedAt: 1_000_000, endedAt: 1_002_500 };
  tracer.record({ ...span, name: "wait" });
  tracer.recordBatch({ ...span, name: "batch" });
  await tracer.flush();
  const [wait, batch] = receiver.spans;
  expect(batch).toMatchObject({
    ...batchTrace("b-1"),
    startTimeUnixNano: 1_000_000,
    endTimeUnixNano: 1_002_500,
  });
  expect(batch?.parentSpanId ?? "").toBe("");
  expect(wait).toMatchObject({ traceId: batch?.traceId, parentSpanId: batch?.spanId });
});

test("spans that end while others are being sent are sent too, and a flush waits for them", async () => {
  const { tracer, receiver } = await setUp({
    faults: ({ index }) => (index === 0 ? { kind: "slow", delayMs: 200 } : undefined),
  });
  const record = (name: string) => tracer.record({ batchId: "b-1", name, startedAt: 1, endedAt: 2 });
  record("first");
  const first = tracer.flush();
  record("second");
  await tracer.flush();
  expect(receiver.spans.map(({ name }) => name)).toEqual(["first", "second"]);
  await first;
});

test("a flush waits for a slow receiver until the limit, and the next ones do not wait", async () => {
  const problems: unknown[] = [];
  // It never answers: what returns has not waited for it.
  const tracer = new BatchTracer(
    () => new Promise(() => {}),
    (problem) => problems.push(problem),
    impatient,
  );
  const record = () => tracer.record({ batchId: "b-1", name: "late", startedAt: 1, endedAt: 2 });
  record();
  await tracer.flush();
  expect(problems).toEqual([{ error: expect.stringContaining("took longer"), lostSpans: 0 }]);
  record();
  const nextTurn = new Promise((resolve) => setImmediate(() => resolve("waited")));
  expect(await Promise.race([tracer.flush().then(() => "at once"), nextTurn])).toBe("at once");
  await tracer.close();
  expect(problems).toHaveLength(1);
});

test("spans that are refused are given up, and the log hears of it once", async () => {
  const refusing = await serveTestHttp({
    service: "otlp",
    faults: () => undefined,
    handle: () => ({ status: 403, body: { error: "no" } }),
  });
  onTestFinished(() => refusing.close());
  const problems: unknown[] = [];
  const { exportSeconds } = patient;
  const settings = {
    url: `${refusing.url}/v1/traces`,
    googleProject: undefined,
    resource: {},
    exportSeconds,
  };
  const tracer = new BatchTracer(otlpSender(settings), (problem) => problems.push(problem), patient);
  for (let index = 0; index < 3; index += 1) {
    tracer.record({ batchId: "b-1", name: "refused", startedAt: 1, endedAt: 2 });
    await tracer.flush();
  }
  await tracer.close();
  expect(problems).toEqual([{ error: expect.any(String), lostSpans: 1 }]);
});

test("more spans than may wait are lost, and counted", async () => {
  const { promise, resolve } = Promise.withResolvers<void>();
  const problems: { lostSpans: number }[] = [];
  const sent: number[] = [];
  const tracer = new BatchTracer(
    async (spans) => {
      await promise;
      sent.push(spans.length);
      throw new Error("no");
    },
    (problem) => problems.push(problem),
    patient,
  );
  const waiting = traceLimits.spansPerExport + traceLimits.traceSpans;
  for (let index = 0; index < waiting + 7; index += 1)
    tracer.record({ batchId: "b-1", name: "many", startedAt: 1, endedAt: 2 });
  resolve();
  await tracer.flush();
  expect(problems[0]?.lostSpans).toBe(7 + traceLimits.spansPerExport);
  expect(sent.every((count) => count <= traceLimits.spansPerExport)).toBe(true);
});

test("spans go to Google with a token of this machine and the project that pays", async () => {
  const metadata = await serveTestHttp({
    service: "metadata",
    faults: () => undefined,
    handle: ({ path }) => ({
      status: 200,
      headers: { "metadata-flavor": "Google" },
      body: path.endsWith("/token")
        ? { access_token: "machine-token", expires_in: 3_599, token_type: "Bearer" }
        : Buffer.from("default"),
    }),
  });
  const environment = {
    GCE_METADATA_HOST: metadata.url.replace("http://", ""),
    METADATA_SERVER_DETECTION: "assume-present",
    GOOGLE_APPLICATION_CREDENTIALS: "",
    CLOUDSDK_CONFIG: "/nonexistent",
    HOME: "/nonexistent",
  };
  const saved = { ...process.env };
  Object.assign(process.env, environment);
  onTestFinished(async () => {
    for (const name of Object.keys(environment)) delete process.env[name];
    Object.assign(process.env, saved);
    await metadata.close();
  });
  const { tracer, receiver } = await setUp({ googleProject: "test-project" });
  tracer.record({ batchId: "b-1", name: "billed", startedAt: 1, endedAt: 2 });
  await tracer.flush();
  await expect
    .poll(() => receiver.headers)
    .toMatchObject([{ authorization: "Bearer machine-token", "x-goog-user-project": "test-project" }]);
});
