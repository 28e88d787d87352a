import { expect, onTestFinished, test } from "vitest";
import { CloudTasksTimer } from "../../src/adapters/cloud-tasks/task-queue.ts";
import { systemClock } from "../../src/adapters/system/system.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import { cloudTasksClient } from "../servers/cloud-tasks/client.ts";
import { startCloudTasksServer } from "../servers/cloud-tasks/server.ts";
import { startEndpoint } from "../servers/kit/endpoint.ts";
import { startTokenIssuer } from "../servers/oidc/issuer.ts";

const message: OutgoingMessage = { queue: "q", message: { kind: "redrive", batchId: "b" } };

/** A message that is due at a time. Its handler schedules it again if it comes too early. */
async function dueIn(delayMs: number, clockAheadMs: number) {
  const issuer = await startTokenIssuer();
  const server = await startCloudTasksServer({ oidc: issuer });
  const client = cloudTasksClient(server);
  const parent = "projects/p/locations/l";
  await client.createQueue({ parent, queue: { name: `${parent}/queues/timers` } });
  await client.close();
  const dueAt = Date.now() + delayMs;
  let isDone = false;
  const arrive = async () => {
    const remainingMs = dueAt - Date.now();
    if (remainingMs > 0) await timer.schedule(message, remainingMs);
    else isDone = true;
  };
  // The next is scheduled before the task that brought this message has its answer.
  const endpoint = await startEndpoint(async () => {
    await arrive();
    return 200;
  });
  const timer = new CloudTasksTimer(
    { projectId: "p", location: "l", queue: "timers", emulatorHost: server.host },
    { publish: arrive },
    { ...systemClock, now: () => Date.now() + clockAheadMs },
    () => ({ url: endpoint.url, body: Buffer.from("{}"), serviceAccount: "a@b.c" }),
  );
  onTestFinished(async () => {
    await timer.close();
    await Promise.all([server.close(), endpoint.close(), issuer.close()]);
  });
  await arrive();
  return { isDone: () => isDone };
}

test.each([0, -1_500, -3_600_000, 1_500])(
  "with a clock that is %i ms ahead, what comes too early comes again",
  async (clockAheadMs) => {
    const { isDone } = await dueIn(2_500, clockAheadMs);
    await expect.poll(isDone).toBe(true);
  },
);
