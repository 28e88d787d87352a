import { expect } from "vitest";
import type { Duration, JsonValue } from "../../src/index.ts";
import { workflow } from "../../src/index.ts";
import type { testApp } from "../support/app.ts";

export const waits = (timeout: Duration = "1h") =>
  workflow("flow").task("work", ({ step }) => step.waitForEvent("approved", { timeout }));

/** An app at work on a batch of the workflow, and events for it, by the way that messages come in. */
export async function started(app: ReturnType<typeof testApp>) {
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  return {
    batchId,
    send: (event: string, payload?: JsonValue) =>
      app.deliveries.deliver({
        message: { kind: "event", batchId, event, ...(payload !== undefined && { payload }) },
        deliveryAttempt: 1,
      }),
    waiting: () =>
      expect.poll(async () => (await app.engine.admin.show(batchId)).tasks.map(({ reason }) => reason)),
  };
}
