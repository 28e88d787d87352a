import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { batchTrace } from "../../src/core/messages.ts";

const child = fileURLToPath(new URL("logger-child.ts", import.meta.url));
const { stderr } = spawnSync(process.execPath, [child], { encoding: "utf8" });
const LineSchema = z.record(z.string(), z.unknown());
const lines = stderr
  .trimEnd()
  .split("\n")
  .map((line) => LineSchema.parse(JSON.parse(line)));
const [ofBatch, ofAnother, ofNone, secret, bare, withError, errorAlone, ownNames] = lines;

test("each line is one JSON object with what Cloud Logging looks for", () => {
  expect(lines.map(({ severity }) => severity)).toEqual([
    ...["INFO", "WARNING", "ERROR", "ERROR", "INFO"],
    ...["ERROR", "ERROR", "INFO"],
  ]);
  expect(ofBatch).toMatchObject({ message: "a line of the batch", batchId: "b-1", attempt: 2, rows: 7 });
  for (const { time } of lines) expect(new Date(String(time)).toISOString()).toBe(time);
});

test("a log line of a batch belongs to the batch's trace, and is labelled with its batch and task", () => {
  const { traceId, spanId } = batchTrace("b-1");
  expect(ofBatch).toMatchObject({
    "logging.googleapis.com/trace": `projects/test-project/traces/${traceId}`,
    "logging.googleapis.com/spanId": spanId,
    "logging.googleapis.com/labels": { batchId: "b-1", taskId: "load", attempt: "2" },
  });
});

test("a line about another batch belongs to that one's trace, and to no span of this", () => {
  expect(ofAnother).toMatchObject({
    "logging.googleapis.com/trace": `projects/test-project/traces/${batchTrace("b-2").traceId}`,
    "logging.googleapis.com/labels": { batchId: "b-2", workflowId: "sales" },
  });
  expect(ofAnother).not.toHaveProperty(["logging.googleapis.com/spanId"]);
});

test("a line that names no batch belongs to the work it is written by", () => {
  const trace = `projects/test-project/traces/${batchTrace("b-1").traceId}`;
  expect(ofNone).toMatchObject({ "logging.googleapis.com/trace": trace, code: "INTERNAL" });
  expect(ofNone).not.toHaveProperty(["logging.googleapis.com/labels"]);
});

test("without a project lines are labelled, and name no trace", () => {
  expect(bare).toMatchObject({ "logging.googleapis.com/labels": { batchId: "b-1" } });
  expect(bare).not.toHaveProperty(["logging.googleapis.com/trace"]);
});

test("secrets that an error quotes are not written", () => {
  expect(secret).toMatchObject({
    message: "sent with whsec_… without success",
    error: "header was: Bearer …",
  });
  expect(stderr).not.toMatch(/c2VjcmV0|abc\.def|xyz/);
});

test("errors among the fields, or in the message's place, are written with their whole reason and their place", () => {
  const reason = "connect ECONNREFUSED 127.0.0.1:1";
  const stack = expect.stringMatching(/^TypeError: fetch failed\n {4}at .*logger-child/);
  expect(withError).toMatchObject({
    message: "with an error",
    error: reason,
    all: ["one; two"],
    stack_trace: stack,
  });
  expect(errorAlone).toMatchObject({ message: reason, error: reason, stack_trace: stack });
});

test("values that JSON can't hold are written as text", () => {
  expect(withError).toMatchObject({
    map: { a: ["1"] },
    url: "https://user:…@example.com/a?token=…",
    day: "1970-01-01T00:00:00.000Z",
    nan: "NaN",
  });
  expect(stderr).not.toContain("hunter2");
});

test("fields named as what each line has of its own stand beside it, and no name stands twice", () => {
  expect(ownNames).toMatchObject({
    message: "what the line says",
    severity: "INFO",
    message_: "a field",
    severity_: "HIGH",
    time_: "noon",
  });
  expect(stderr.match(/"message":"a field"|"severity":"HIGH"|"time":"noon"/)).toBeNull();
});
