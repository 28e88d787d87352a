import { expect, test } from "vitest";
import { workflow } from "../../src/index.ts";
import { cloudInProcess } from "./in-process.ts";

test("an event is billed for the tasks that wait for it, not for those of its batch", async () => {
  const ids = Array.from({ length: 40 }, (_, index) => `t${index}`);
  const flow = ids.reduce(
    (built, id) => built.task(id, ({ step }) => step.waitForEvent(`go ${id}`, { timeout: "1h" })),
    workflow("flow").task("last", ({ step }) => step.waitForEvent("go last", { timeout: "1h" })),
  );
  const { app, firestore } = await cloudInProcess([flow], { lease: "2m" });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  const reasons = async () => (await app.engine.admin.show(batchId)).tasks.map(({ reason }) => reason);
  await expect.poll(reasons).toEqual(["last", ...ids].map(() => "event"));
  firestore.meter.reset();
  for (const id of ids) {
    const { woken } = await app.engine.receiveEvent({ kind: "event", batchId, event: `go ${id}` });
    expect(woken).toEqual([id]);
  }
  // Includes the reads of the resumed tasks. If all logs were read, it would be 1,640 and more.
  expect(firestore.meter.of("document_reads")).toBeLessThan(12 * ids.length);
  await app.engine.receiveEvent({ kind: "event", batchId, event: "go last" });
  await expect.poll(async () => (await app.engine.admin.status(batchId)).status).toBe("SUCCESS");
});
