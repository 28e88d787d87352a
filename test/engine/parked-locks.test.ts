import { expect, test } from "vitest";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { workflow } from "../../src/index.ts";
import type { OutgoingMessage } from "../../src/ports/broker.ts";
import { firstTime, statusOf, withStore } from "../support/faults.ts";
import { timedApp } from "../support/timed-app.ts";

const input = { id: 1 };

const waiting = (onLocked: "wait" | "skip" = "wait") =>
  workflow("flow").task("work", ({ step }) => step.waitForEvent("go", { timeout: "10m" }), {
    idempotency: { key: { fields: ["id"] }, lock: "1m", onLocked },
  });

/** Messages that are to run the task of a batch wait until they are let go. */
class Line {
  readonly #kept: (() => Promise<void>)[] = [];
  #batchId: string | undefined;

  /** From now on. What is scheduled for later stands in line from the beginning. */
  holdUp(batchId: string): void {
    this.#batchId = batchId;
  }

  async letGo(): Promise<void> {
    this.#batchId = "none";
    for (const publish of this.#kept) await publish();
  }

  readonly around = (plain: Dependencies): Dependencies => ({
    ...plain,
    broker: {
      publish: async (messages) => {
        const held = messages.filter((message) => batchOf(message) === this.#batchId);
        if (held.length > 0) this.#kept.push(async () => plain.broker.publish(held));
        await plain.broker.publish(messages.filter((message) => !held.includes(message)));
      },
    },
    timer: {
      schedule: async (message, delayMs) => {
        if (batchOf(message) !== (this.#batchId ?? batchOf(message)))
          return plain.timer.schedule(message, delayMs);
        this.#kept.push(async () => plain.broker.publish([message]));
      },
    },
  });
}

function batchOf({ message }: OutgoingMessage): string | undefined {
  return message.kind === "task" ? message.batchId : "";
}

/** A batch whose task has parked, has its event, and stands in line until its wait and its lock are over. */
async function inLine(onLocked?: "wait" | "skip") {
  const line = new Line();
  const timed = timedApp({
    workflows: [waiting(onLocked)],
    environment: { BATON_SWEEP: "5h" },
    around: line.around,
  });
  const { app, clock, start, until } = timed;
  const taskOf = async (batchId: string) => (await app.engine.admin.show(batchId)).tasks[0];
  app.work.start();
  const first = await start("flow", input);
  await until(async () => (await taskOf(first))?.reason === "event");
  line.holdUp(first);
  await app.engine.receiveEvent({ kind: "event", batchId: first, event: "go", payload: "yes" });
  await clock.advance(690_000);
  return { ...timed, line, first, taskOf };
}

test("a task that queues after its wait keeps its lock, though its time is over: another batch waits", async () => {
  const { line, first, start, until, ended, taskOf } = await inLine();
  const second = await start("flow", input);
  await until(async () => (await taskOf(second))?.status === "WAITING");
  expect(await taskOf(second)).toMatchObject({ reason: "lock_held" });
  await line.letGo();
  expect((await ended(first, 60)).tasks[0]).toMatchObject({ status: "SUCCESS", reason: null, result: "yes" });
  expect((await ended(second, 60)).tasks[0]).toMatchObject({ reason: "already_completed", result: "yes" });
});

test("a call that does not wait is skipped while the key's task is queued", async () => {
  const { line, first, start, ended } = await inLine("skip");
  const second = await ended(await start("flow", input), 60);
  expect(second.tasks[0]).toMatchObject({ status: "SKIPPED", reason: "lock_held" });
  await line.letGo();
  expect((await ended(first, 60)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "yes" });
});

test("a task that no worker resumes loses its lock at last", async () => {
  const { app, clock, start, until, taskOf } = await inLine();
  await clock.advance(3_400_000);
  const second = await start("flow", input);
  await until(async () => (await taskOf(second))?.status === "WAITING");
  expect(await taskOf(second)).toMatchObject({ reason: "lock_held" });
  await until(async () => (await taskOf(second))?.reason === "event", 300);
  expect((await app.engine.admin.inspection.locks(10)).rows).toMatchObject([{ batchId: second }]);
});

test("a lock that is unlocked is not kept by the wait of its task", async () => {
  const { app, start, until, taskOf } = await inLine();
  await app.engine.admin.executions.unlock("flow/work?id=1");
  const second = await start("flow", input);
  await until(async () => (await taskOf(second))?.reason === "event", 20);
});

test("a resumed task has its lock before it has reached its key", async () => {
  const isFirst = firstTime();
  let second = "";
  const { app, clock, start, until, ended } = timedApp({
    workflows: [waiting()],
    environment: { BATON_SWEEP: "5h", BATON_LEASE: "1h" },
    around: (dependencies) =>
      withStore(dependencies, (store) => ({
        commit: async (writes) => {
          const [write] = writes;
          const isGoingOn = writes.length > 1 && statusOf(write) === "PROCESSING" && write?.kind === "update";
          if (isGoingOn && write.data.resumes === 1 && isFirst()) {
            // Its lock has expired while it was paused; its lease has not.
            clock.set(690_000);
            second = await start("flow", input);
            await expect
              .poll(async () => (await app.engine.admin.show(second)).tasks[0]?.reason)
              .toMatch(/lock_held|event/);
          }
          return store.commit(writes);
        },
      })),
  });
  app.work.start();
  const first = await start("flow", input);
  await until(async () => (await app.engine.admin.show(first)).tasks[0]?.reason === "event");
  await app.engine.receiveEvent({ kind: "event", batchId: first, event: "go", payload: "yes" });
  expect((await ended(first, 60)).tasks[0]).toMatchObject({ status: "SUCCESS", result: "yes" });
  expect((await ended(second, 60)).tasks[0]).toMatchObject({ reason: "already_completed" });
});
