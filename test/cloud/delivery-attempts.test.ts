import { randomUUID } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { BatchTracer } from "../../src/adapters/opentelemetry/tracer.ts";
import { openCloud } from "../../src/app/cloud.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { limits } from "../../src/core/limits.ts";
import type { Message } from "../../src/core/messages.ts";
import type { Tracer } from "../../src/ports/telemetry.ts";
import { startCloud } from "./world.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** The function, during an outage of something it needs for every start. */
async function duringAnOutage(tracer?: Tracer) {
  const cloud = await startCloud({ pushUrl: "http://127.0.0.1:1" });
  onTestFinished(() => cloud.close());
  const configuration = readConfiguration({ ...cloud.environment, BATON_DATA: `/tmp/baton-${randomUUID()}` });
  const app = openCloud({
    configuration,
    logger: silent,
    workflows: [],
    ...(tracer && { tracer }),
    around: (dependencies) => ({
      ...dependencies,
      catalog: { ...dependencies.catalog, find: () => Promise.reject(new Error("catalog is down")) },
    }),
  });
  onTestFinished(() => app.close());
  return app;
}

const start: Message = { kind: "start", workflowId: "one", key: "k" };

test.each([
  ["without traces", undefined],
  [
    "with traces",
    new BatchTracer(
      async () => {},
      () => {},
    ),
  ],
])(
  "what is pushed is given up only just before Pub/Sub gives it up: no outage of hours buries it, %s",
  async (_name, tracer) => {
    const { deliveries, engine } = await duringAnOutage(tracer);
    const deliver = (deliveryAttempt: number) => deliveries.deliver({ message: start, deliveryAttempt });
    for (const attempt of [1, limits.deliveryAttempts, limits.pushedDeliveryAttempts - 1])
      await expect(deliver(attempt)).rejects.toThrow("catalog is down");
    expect((await engine.deadLetters.list()).letters).toEqual([]);
    expect(await deliver(limits.pushedDeliveryAttempts)).toMatchObject({ code: "DELIVERY_EXHAUSTED" });
    expect((await engine.deadLetters.list()).letters).toMatchObject([{ code: "DELIVERY_EXHAUSTED" }]);
  },
);

test("what can never be handled is a dead letter at the first try", async () => {
  const { deliveries } = await duringAnOutage();
  const message: Message = { kind: "task", batchId: "nope", taskId: "a" };
  expect(await deliveries.deliver({ message, deliveryAttempt: 1 })).toMatchObject({ code: "BATCH_UNKNOWN" });
});
