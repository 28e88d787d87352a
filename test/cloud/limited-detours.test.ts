import { expect, onTestFinished, test } from "vitest";
import { openCloud, openMessages } from "../../src/app/cloud.ts";
import { publishBody, replayDeadLetter } from "../../src/app/publish.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import { workflowOf } from "../support/graphs.ts";
import { type CloudInProcess, cloudInProcess } from "./in-process.ts";
import { limitedQueuePath, projectId } from "./world.ts";

const six = ["a", "b", "c", "d", "e", "f"];
const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** Six tasks of a queue that runs one at a time; counts how many run. */
async function narrow() {
  let running = 0;
  const seen = { most: 0, started: 0 };
  const work = async () => {
    running += 1;
    seen.started += 1;
    seen.most = Math.max(seen.most, running);
    await new Promise((resolve) => setTimeout(resolve, 300));
    running -= 1;
    return null;
  };
  const flow = workflowOf(
    "six",
    six.map((taskId) => [taskId, []]),
    work,
    { queue: "narrow" },
  );
  const cloud = await cloudInProcess([flow], { limits: "narrow=1" });
  return { cloud, flow, seen };
}

/** The configuration of a sender that does not know the limits, as earlier versions do. */
const unaware = ({ environment }: CloudInProcess) => readConfiguration({ ...environment, BATON_QUEUES: "" });

function usualWay(cloud: CloudInProcess) {
  const messages = openMessages(unaware(cloud), () => undefined);
  onTestFinished(() => messages.close());
  return messages;
}

const runs = (batchId: string): OutgoingMessage[] =>
  six.map((taskId) => ({ queue: "narrow", message: { kind: "task", batchId, taskId, ready: true } }));

type Detour = (cloud: CloudInProcess, batchId: string) => Promise<unknown>;

const detours: readonly (readonly [string, Detour])[] = [
  [
    "by hand",
    ({ app }, batchId) =>
      Promise.all(six.map((taskId) => publishBody(app, Buffer.from(JSON.stringify({ batchId, taskId }))))),
  ],
  ["to the topic of the queue", async (cloud, batchId) => usualWay(cloud).broker.publish(runs(batchId))],
  [
    "by a timer that was set before there was a limit",
    async (cloud, batchId) => {
      const { timer } = usualWay(cloud);
      await Promise.all(runs(batchId).map((message) => timer.schedule(message, 1)));
    },
  ],
  [
    "out of dead letters",
    async ({ app }, batchId) => {
      const refusal = { code: "DELIVERY_EXHAUSTED", message: "it failed", source: "broker" } as const;
      for (const { message } of runs(batchId)) {
        const body = Buffer.from(JSON.stringify(message));
        await replayDeadLetter(app, await app.engine.deadLetters.keep(body, refusal));
      }
    },
  ],
];

test.each(detours)("tasks of a queue that are published %s keep its limit", async (_, detour) => {
  const { cloud, seen } = await narrow();
  const { batchId } = await cloud.app.engine.start({ kind: "start", workflowId: "six" });
  await detour(cloud, batchId);
  await cloud.idle();
  expect(await cloud.app.engine.admin.status(batchId)).toMatchObject({ status: "SUCCESS" });
  expect(seen).toEqual({ most: 1, started: six.length });
});

test("a batch that is started without BATON_QUEUES keeps to its queue, and each task is sent there once", async () => {
  const { cloud, flow, seen } = await narrow();
  const command = openCloud({ configuration: unaware(cloud), logger: silent, workflows: [flow] });
  onTestFinished(() => command.close());
  const { batchId } = await command.engine.start({ kind: "start", workflowId: "six" });
  await cloud.idle();
  expect(await cloud.app.engine.admin.status(batchId)).toMatchObject({ status: "SUCCESS" });
  expect(seen).toEqual({ most: 1, started: six.length });
  const topic = `projects/${projectId}/topics/baton-queue-narrow`;
  expect(cloud.pubsub.published().filter((message) => message.topic === topic)).toHaveLength(six.length);
  expect(cloud.tasks.dispatches(limitedQueuePath("narrow"))).toHaveLength(six.length);
});
