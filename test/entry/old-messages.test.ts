import { expect, test } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { isSealed, messageKey } from "../../src/core/messages.ts";
import { createHttpHandler } from "../../src/entry/http-handler.ts";
import type { SealCheck } from "../../src/entry/parse-message.ts";
import { parseRequest } from "../../src/entry/parse-request.ts";
import {
  about,
  copyOfOldData,
  oldBatch,
  oldMessages,
  workflowsNow,
} from "../fixtures/version-0-1/old-version.ts";
import { testApp } from "../support/app.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const trusts: SealCheck = (data, given) => given !== undefined && isSealed([about.sealKey], data, given);

const transports = {
  pubSub: { "content-type": "application/json", "user-agent": "APIs-Google" },
  cloudTasks: {
    "content-type": "application/json",
    "x-cloudtasks-queuename": "baton-default",
    "x-cloudtasks-taskretrycount": "0",
  },
} as const;

/** A copy of the old data two hours later, in a process that works on nothing but what is posted to it. */
function openOldData() {
  const published: string[] = [];
  const clock = new VirtualClock();
  clock.set(2 * 3_600_000);
  const app = testApp({
    data: copyOfOldData(),
    workflows: workflowsNow,
    clock: { now: () => Math.floor(clock.now()), monotonicMs: () => 0, after: clock.after.bind(clock) },
    around: (plain) => ({
      ...plain,
      broker: {
        publish: async (messages) =>
          void published.push(...messages.map(({ message }) => messageKey(message))),
      },
      callbacks: {
        ...plain.callbacks,
        send: async ({ webhookId }) => void published.push(`sent ${webhookId}`),
      },
    }),
  });
  const handler = createHttpHandler(app.deliveries, createLogger("silent"), { isSealed: trusts });
  return { app, handler, published };
}

const idle = "nothing";
const { callbackId } = about;

/** What follows from each of the old messages. */
const effects: Readonly<Record<string, string>> = {
  execute: `${oldBatch("unstarted")} second `,
  executeReady: `${oldBatch("unstarted")} second `,
  executeRedriven: `${oldBatch("retries")} $end `,
  completed: `${oldBatch("large")} read `,
  completedRest: idle,
  completedUnread: `${oldBatch("large")} read `,
  completion: `${oldBatch("waits-for-completion")} read `,
  completionError: idle,
  start: expect.stringMatching(/^unstarted-\w+ first $/),
  object: idle,
  event: `${oldBatch("waits-for-event")} ask `,
  callback: `sent ${callbackId}`,
  sweep: `redrive ${oldBatch("sleeps")}`,
  sweepPart: `redrive ${oldBatch("sleeps")}`,
  tick: expect.stringMatching(/^daily-\w+ work $/),
  redrive: `${oldBatch("retries")} work `,
};

test("the fixture has a message of every kind, with its effect", () => {
  expect(Object.keys(oldMessages).sort()).toEqual(Object.keys(effects).sort());
});

for (const [transport, headers] of Object.entries(transports))
  for (const [name, { message, ...bodies }] of Object.entries(oldMessages))
    test(`a message that the version before sent by ${transport} does what it says: ${name}`, async () => {
      const body = Buffer.from(transport === "pubSub" ? bodies.pubSub : bodies.cloudTasks);
      // Believed whole, for its seal: unsealed, it may not say what only the engine knows.
      expect(parseRequest({ headers, body }, trusts)).toMatchObject({ message });
      const { handler, published } = openOldData();
      const answer = await handler({ method: "POST", path: "/", headers, body });
      expect(answer).toMatchObject({ status: 200, body: { status: "done" } });
      expect(published.length > 0 ? published : [idle]).toContainEqual(effects[name]);
    });
