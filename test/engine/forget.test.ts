import { rmSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { collections } from "../../src/core/storage/collections.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { TaskError, workflow } from "../../src/index.ts";
import type { ObjectStore } from "../../src/ports/objects.ts";
import { untilEnded } from "../support/app.ts";
import { withStore } from "../support/faults.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { all, byPerson, call, called, opened, start, type World } from "./forget-place.ts";

const large = "x".repeat(100_000);

/** Leaves something of every kind behind, inline and large, with a key and without; then fails. */
function searched(url: string) {
  return workflow("searched")
    .task("find", async ({ step }) => ({ name: await step("look up", () => "Ada"), large }))
    .task("keep", ({ step }) => step("write", () => large), {
      after: ["find"],
      idempotency: byPerson,
      callback: { url, archive: { table: "enrichment_callbacks", key: ["person"] } },
    })
    .task("ask", ({ step }) => step.waitForEvent("answer", { timeout: "1d" }), { after: ["keep"] })
    .task(
      "fail",
      async ({ step }) => {
        await step("large step", () => large);
        throw new TaskError("Ada is not known", { retryable: false });
      },
      { after: ["ask"] },
    );
}

/** It waits for its event, and nothing else of it is under way. */
async function asks({ app }: World, batchId: string): Promise<void> {
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[2]?.reason).toBe("event");
  const isArchived = async () =>
    (await app.engine.admin.callbacks.ofBatch(batchId)).map(({ state }) => state);
  await expect.poll(isArchived).toEqual(["DELIVERED"]);
}

async function failed(world: World, batchId: string): Promise<void> {
  await asks(world, batchId);
  await world.app.engine.receiveEvent({ kind: "event", batchId, event: "answer", payload: large });
  expect((await untilEnded(world.app, batchId)).status).toBe("ERROR");
}

/** A batch that failed, and its retry, which failed too. */
async function twice(world: World, person: string): Promise<readonly string[]> {
  const first = await start(world, "searched", person);
  await failed(world, first);
  const { batchId } = await world.app.engine.retry(first);
  expect((await untilEnded(world.app, batchId)).status).toBe("ERROR");
  return [first, batchId];
}

async function letterFor({ app }: World, body: unknown): Promise<string> {
  const refusal = { code: "DELIVERY_EXHAUSTED", message: "It failed 90 times", source: "broker" } as const;
  return app.engine.deadLetters.keep(Buffer.from(JSON.stringify(body)), refusal);
}

function countOf(texts: readonly string[], start: string): number {
  return texts.filter((text) => text.startsWith(start)).length;
}

test("a batch that was cancelled and forgotten is not started again by the worker that still runs it", async () => {
  const { promise: mayEnd, resolve: end } = Promise.withResolvers<void>();
  const ran: string[] = [];
  const slow = workflow("slow")
    .task("a", async () => {
      ran.push("a");
      await mayEnd;
    })
    .task("b", () => void ran.push("b"), { after: ["a"] });
  const world = opened([slow]);
  const before = await all(world);
  const batchId = await start(world, "slow", "Ada");
  await expect.poll(() => ran).toEqual(["a"]);
  await world.app.engine.cancel(batchId);
  await world.app.engine.admin.forget(batchId, { isToBeDeleted: true });
  end();
  await expect.poll(() => world.app.broker.active).toBe(0);
  expect(ran).toEqual(["a"]);
  const left = (await all(world)).filter((text) => !text.startsWith("definitions/"));
  expect(left).toEqual(before.filter((text) => !text.startsWith("definitions/")));
});

test("a dead letter whose body is gone is reported, and blocks nothing", async () => {
  const world = opened([workflow("quick").task("a", () => 1)]);
  const batchId = await start(world, "quick", "Ada");
  await untilEnded(world.app, batchId);
  const deadLetterId = await letterFor(world, { event: "answer", batchId, payload: large.repeat(3) });
  rmSync(join(world.data, "dead-letters", `${deadLetterId}.bin`));
  const forgotten = await world.app.engine.admin.forget(batchId, { isToBeDeleted: true });
  expect(forgotten).toMatchObject({ deadLetters: [], unreadableLetters: 1 });
});

test("a dead letter that this version can't read is reported and kept, and does not block the others", async () => {
  const world = opened([workflow("quick").task("a", () => 1)]);
  const batchId = await start(world, "quick", "Ada");
  await untilEnded(world.app, batchId);
  const later = { collection: "deadLetters", id: "later" } as const;
  await world.ports.store.commit([{ kind: "create", key: later, data: { form: 2, nonce: "n" } }]);
  const known = await letterFor(world, { event: "answer", batchId });
  const forgotten = await world.app.engine.admin.forget(batchId, { isToBeDeleted: true });
  expect(forgotten).toMatchObject({ deadLetters: [known], unreadableLetters: 1 });
  expect((await world.ports.store.get(later)).document).toBeDefined();
  await expect(world.app.engine.admin.show(batchId)).rejects.toMatchObject({ code: "BATCH_UNKNOWN" });
});

test("all data of a batch and its retries is shown, then deleted, and nothing of another batch", async () => {
  const world = opened([searched((await callbackReceiver()).url)]);
  const other = await start(world, "searched", "Grace");
  await asks(world, other);
  await letterFor(world, { event: "answer", batchId: other, payload: "Ada" });
  const before = await all(world);

  const [first = "", second = ""] = await twice(world, "Ada");
  await world.app.engine.receiveEvent({ kind: "event", batchId: second, event: "late", payload: "Ada" });
  await world.ports.store.commit([
    {
      kind: "create",
      key: { collection: "events", id: `${second}/#ask` },
      data: { batchId: second, taskId: "ask", ending: { result: { value: "Ada" } }, nonce: "n" },
    },
  ]);
  const letters = [
    await letterFor(world, { event: "answer", batchId: first, payload: large.repeat(3) }),
    await letterFor(world, { kind: "start", workflowId: "searched", key: "Ada", input: { person: "Ada" } }),
  ];
  const full = await all(world);
  const added = (start: string) => countOf(full, start) - countOf(before, start);
  // No collection is overlooked: each has something of the batch, or nothing of any.
  const others = ["definitions", "workflows", "schedules"];
  for (const name of Object.keys(collections).filter((one) => !others.includes(one)))
    expect(added(`${name}/`), name).toBeGreaterThan(0);

  const shown = await world.app.engine.admin.forget(second, { isToBeDeleted: false });
  expect(await all(world)).toEqual(full);
  expect(shown).toMatchObject({
    batches: [
      { batchId: first, run: 1, status: "ERROR" },
      { batchId: second, run: 2, status: "ERROR" },
    ],
    taskLogs: 8,
    events: 2,
    completions: 1,
    callbacks: 1,
    unsentCallbacks: 0,
    keys: [{ key: expect.stringContaining("Ada"), fate: "deleted" }],
    archived: [{ table: "enrichment_callbacks", key: { person: "Ada" } }],
  });
  expect([...shown.deadLetters].sort()).toEqual(letters.sort());
  expect(shown.steps).toBe(added("steps/"));
  const results = (texts: readonly string[]) => texts.filter((text) => /^file results.*\.json$/.test(text));
  expect(shown.objects).toBe(results(full).length - results(before).length);

  expect(await world.app.engine.admin.forget(first, { isToBeDeleted: true })).toEqual({
    ...shown,
    deadLetters: expect.anything(),
  });
  const left = await all(world);
  expect(left.sort()).toEqual(before.sort());
  await expect(world.app.engine.admin.forget(first, { isToBeDeleted: true })).rejects.toMatchObject({
    code: "BATCH_UNKNOWN",
  });
  // The same start makes a new batch, which finds nothing of the old one.
  const again = await start(world, "searched", "Ada");
  expect(again).toBe(first);
  await asks(world, again);
  expect((await world.app.engine.admin.show(again)).tasks[1]).toMatchObject({
    status: "SUCCESS",
    reason: null,
  });
});

test("a batch that runs, or whose retry does, is not taken away under its tasks", async () => {
  const world = opened([searched((await callbackReceiver()).url)]);
  const { engine } = world.app;
  const first = await start(world, "searched", "Ada");
  await asks(world, first);
  const running = await all(world);
  const refused = { code: "BATCH_NOT_FINISHED", message: `Still running: ${first}` };
  for (const isToBeDeleted of [true, false])
    await expect(engine.admin.forget(first, { isToBeDeleted })).rejects.toMatchObject(refused);
  expect(await all(world)).toEqual(running);
  await engine.cancel(first);
  await expect(engine.admin.forget("searched-1", { isToBeDeleted: true })).rejects.toMatchObject({
    code: "BATCH_UNKNOWN",
  });

  await world.app.work.stop();
  const { batchId } = await engine.retry(first);
  await expect(engine.admin.forget(first, { isToBeDeleted: true })).rejects.toMatchObject({
    code: "BATCH_NOT_FINISHED",
    message: `Still running: ${batchId}`,
  });
  await engine.cancel(batchId);
  await engine.admin.forget(first, { isToBeDeleted: true });
  expect((await all(world)).filter((text) => text.includes(first) || text.includes(batchId))).toEqual([]);
});

/** What happens to one call that changes something. */
type Crash = "before" | "after";

/** Changes of documents and objects fail at the given one: before it was done, or after. */
function crashing(plan: { left: number; how: Crash }) {
  const change = async <T>(work: () => Promise<T>): Promise<T> => {
    const isNow = plan.left-- === 0;
    if (isNow && plan.how === "before") throw new Error("The process is gone");
    const done = await work();
    if (isNow) throw new Error("The process is gone");
    return done;
  };
  return (dependencies: Dependencies): Dependencies => {
    const { objects } = dependencies;
    const failing: ObjectStore = {
      stat: (name) => objects.stat(name),
      read: (name) => objects.read(name),
      write: (name, content, type) => objects.write(name, content, type),
      move: (from, to) => objects.move(from, to),
      list: (prefix, options) => objects.list(prefix, options),
      remove: (listed) => change(() => objects.remove(listed)),
    };
    const withCommits = withStore(dependencies, (store) => ({
      commit: (writes) => change(async () => store.commit(writes)),
      commitEach: (writes) => change(async () => store.commitEach(writes)),
    }));
    return { ...withCommits, objects: failing };
  };
}

test.each(["before", "after"] as const)(
  "after a crash %s any one change, asking again deletes the rest, and nothing of another batch",
  async (how) => {
    const plan = { left: -1, how };
    const world = opened([searched((await callbackReceiver()).url), called], crashing(plan));
    const { engine } = world.app;
    const other = await start(world, "searched", "Grace");
    await asks(world, other);
    await call(world, "succeeds");
    const before = (await all(world)).sort();
    let crashes = 0;
    for (let isOver = false; !isOver; crashes += 1) {
      const first = await start(world, "searched", "Ada");
      await failed(world, first);
      await letterFor(world, { event: "answer", batchId: first, payload: large.repeat(3) });
      plan.left = crashes;
      const deleted = await engine.admin.forget(first, { isToBeDeleted: true }).catch(() => undefined);
      isOver = plan.left >= 0;
      plan.left = -1;
      // If the last change was applied and only its answer is missing, the erasure is complete already.
      if (!deleted) await engine.admin.forget(first, { isToBeDeleted: true });
      expect((await all(world)).sort(), `after ${crashes} changes`).toEqual(before);
    }
    expect(crashes).toBeGreaterThan(10);
  },
);

test("a store error ends the process, with the reason", async () => {
  let isAway = false;
  const world = opened([called], (dependencies) =>
    withStore(dependencies, (store) => ({
      commitEach: async (writes) =>
        isAway ? writes.map(() => ({ ok: false, error: new Error("away") })) : store.commitEach(writes),
    })),
  );
  const batchId = await call(world, "succeeds");
  isAway = true;
  await expect(world.app.engine.admin.forget(batchId, { isToBeDeleted: true })).rejects.toThrow("away");
  isAway = false;
  await world.app.engine.admin.forget(batchId, { isToBeDeleted: true });
  expect((await all(world)).filter((text) => text.includes(batchId))).toEqual([]);
});
