import { expect, test } from "vitest";
import { TaskError } from "../../src/core/errors/errors.ts";
import { workflow } from "../../src/index.ts";
import type { LogFields } from "../../src/ports/telemetry.ts";
import { runToEnd, testApp } from "../support/app.ts";

const broken = workflow("broken").task("a", () => {
  throw new TaskError("no", { retryable: false });
});
const sound = workflow("sound").task("a", () => 1);

test("a failed batch has a log line of its own, which an alert counts, and a successful one has none", async () => {
  const warnings: [string, LogFields | undefined][] = [];
  const app = testApp({
    workflows: [broken, sound],
    around: (plain) => ({
      ...plain,
      logger: { ...plain.logger, warn: (message, fields) => void warnings.push([message, fields]) },
    }),
  });
  await runToEnd(app, "sound");
  const { batchId, status } = await runToEnd(app, "broken");
  expect(status).toBe("ERROR");
  expect(warnings.filter(([message]) => message === "batch failed")).toEqual([
    ["batch failed", { batchId, workflowId: "broken" }],
  ]);
});
