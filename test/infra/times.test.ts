import { expect, test } from "vitest";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { limits } from "../../src/core/limits.ts";
import { Evaluation } from "./evaluate.ts";
import { expression, inner, readTerraform } from "./terraform-files.ts";

const files = await readTerraform();
const evaluation = new Evaluation(files, {});
const configuration = readConfiguration({
  BATON_ENGINE: "gcp",
  BATON_PROJECT: "some-project",
  BATON_BUCKET: "some-bucket",
});

function seconds(variable: string): number {
  return Number(evaluation.variable(variable));
}

test("function timeout < ack deadline ≤ 600 s < lease", () => {
  expect(seconds("function_timeout_seconds")).toBeLessThan(seconds("ack_deadline_seconds"));
  expect(seconds("ack_deadline_seconds")).toBeLessThanOrEqual(600);
  expect(seconds("lease_seconds")).toBeGreaterThan(600);
});

test("Baton gives a message up before Pub/Sub does, which tries as often as it can", () => {
  const push = files.resource("google_pubsub_subscription.push");
  const attempts = Number(inner(push, "dead_letter_policy").max_delivery_attempts);
  expect(attempts).toBe(100);
  expect(attempts).toBe(limits.subscriptionDeliveryAttempts);
  expect(limits.pushedDeliveryAttempts).toBeLessThan(attempts);
  expect(limits.pushedDeliveryAttempts).toBeGreaterThanOrEqual(attempts * 0.9);
});

test("values out of that order are refused", () => {
  const push = files.resource("google_pubsub_subscription.push");
  expect(inner(push, "lifecycle").precondition).toMatchObject([
    { condition: expression("var.function_timeout_seconds < var.ack_deadline_seconds") },
    { condition: expression("var.ack_deadline_seconds < var.lease_seconds") },
  ]);
  expect(push.ack_deadline_seconds).toBe(expression("var.ack_deadline_seconds"));
  expect(files.variables.ack_deadline_seconds?.validation).toMatchObject([
    { condition: expression("var.ack_deadline_seconds >= 10 && var.ack_deadline_seconds <= 600") },
  ]);
});

test("a value that is not set equals the function's default", () => {
  expect(seconds("function_timeout_seconds")).toBe(configuration.google?.functionTimeoutSeconds);
  expect(seconds("lease_seconds")).toBe(configuration.leaseSeconds);
  expect(seconds("retention_days") * 86_400).toBe(configuration.google?.retentionSeconds);
  expect(evaluation.variable("prefix")).toBe(configuration.google?.prefix);
  expect(evaluation.variable("database")).toBe(configuration.google?.databaseId);
  expect(evaluation.variable("dataset")).toBe(configuration.google?.dataset);
});

test("documents can't be kept for less time than messages about them may take", () => {
  const [validation] = files.variables.retention_days?.validation ?? [];
  expect(validation?.condition).toContain(`>= ${limits.minRetentionSeconds / 86_400} `);
});

test("an attempt always has time: the function's shortest timeout is longer than its margin", () => {
  const [validation] = files.variables.function_timeout_seconds?.validation ?? [];
  const [, least] = />= (\d+) /.exec(validation?.condition ?? "") ?? [];
  expect(Number(least)).toBeGreaterThan(limits.attemptMarginSeconds);
});
