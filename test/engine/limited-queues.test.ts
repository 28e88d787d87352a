import { expect, test } from "vitest";
import type { Message } from "../../src/core/messages.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import { testApp } from "../support/app.ts";
import { workflowOf } from "../support/graphs.ts";

const flow = workflowOf(
  "two",
  [
    ["first", []],
    ["second", ["first"]],
  ],
  async () => null,
  { queue: "narrow" },
);

/** An app that delivers nothing by itself; its transport keeps the limits of these queues. */
async function open(limitedQueues?: readonly string[]) {
  const published: OutgoingMessage[] = [];
  let isDown = false;
  const around = (dependencies: Dependencies): Dependencies => ({
    ...dependencies,
    settings: {
      ...dependencies.settings,
      ...(limitedQueues && { limitedQueues: new Set(limitedQueues) }),
    },
    broker: {
      async publish(messages) {
        if (isDown) throw new Error("the queue can't be reached");
        published.push(...messages);
      },
    },
  });
  const app = testApp({ workflows: [flow], around });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "two" });
  published.length = 0;
  const message = (taskId: string): Message => ({ kind: "task", batchId, taskId });
  const statuses = async () => (await app.engine.admin.show(batchId)).tasks.map(({ status }) => status);
  const deliver = (taskId: string, queue?: string) =>
    app.deliveries.deliver({ message: message(taskId), deliveryAttempt: 1, queue });
  return {
    app,
    batchId,
    published,
    deliver,
    statuses,
    breakDown: () => {
      isDown = true;
    },
  };
}

test.each([
  ["by no queue", undefined],
  ["by another queue", "wide"],
])(
  "a task of a queue with limits whose message came %s is published to its queue, and not started",
  async (_, queue) => {
    const { batchId, published, deliver, statuses } = await open(["narrow"]);
    await deliver("first", queue);
    expect(await statuses()).toEqual(["NEW", "NEW"]);
    expect(published).toEqual([
      { queue: "narrow", message: { kind: "task", batchId, taskId: "first", ready: true } },
    ]);
  },
);

test("a message that came through its queue runs", async () => {
  const { deliver, statuses } = await open(["narrow"]);
  await deliver("first", "narrow");
  expect(await statuses()).toEqual(["SUCCESS", "NEW"]);
});

test.each([[undefined], [["wide"]]])(
  "where its queue has no limits, a task runs however it came (limits: %s)",
  async (limited) => {
    const { deliver, statuses } = await open(limited);
    await deliver("first");
    expect(await statuses()).toEqual(["SUCCESS", "NEW"]);
  },
);

test("a message that is not due yet is not sent to its queue", async () => {
  const { deliver, published } = await open(["narrow"]);
  await deliver("second");
  expect(published).toEqual([]);
});

test("what can't be sent to its queue is not acknowledged", async () => {
  const { deliver, breakDown } = await open(["narrow"]);
  breakDown();
  await expect(deliver("first")).rejects.toThrow("the queue can't be reached");
});

test("the sweep marks its messages, so that the queue can check whether the task is in it already", async () => {
  const { app, batchId, published } = await open(["narrow"]);
  await app.engine.redrive(batchId);
  expect(published).toEqual([
    { queue: "narrow", message: { kind: "task", batchId, taskId: "first", ready: true, redrive: true } },
  ]);
});

test("children that a parent's end starts again for the sweep are marked too", async () => {
  const { app, batchId, published, deliver } = await open(["narrow"]);
  await deliver("first", "narrow");
  published.length = 0;
  const message: Message = { kind: "task", batchId, taskId: "first", previousTaskId: "first", redrive: true };
  await app.deliveries.deliver({ message, deliveryAttempt: 1 });
  expect(published).toEqual([
    { queue: "narrow", message: { kind: "task", batchId, taskId: "second", ready: true, redrive: true } },
  ]);
});
