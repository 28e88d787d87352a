import { expect, test } from "vitest";
import { withStore } from "../support/faults.ts";
import { all, call, called, key, opened } from "./forget-place.ts";

test("the record of a locked key is not changed while its holder belongs to the batch", async () => {
  const world = opened([called]);
  const { engine } = world.app;
  const failing = await call(world, "fails");
  const waiting = await call(world, "waits");
  const before = await all(world);
  await expect(engine.admin.forget(failing, { isToBeDeleted: true })).rejects.toMatchObject({
    code: "EXECUTION_LOCKED",
    message: `The key ${key} is locked by task call of batch ${waiting}`,
  });
  expect(await all(world)).toEqual(before);
  await engine.cancel(waiting);
  await engine.admin.forget(failing, { isToBeDeleted: true });
  expect((await all(world)).filter((text) => text.includes(failing))).toEqual([]);
});

test("the result of another batch keeps its time to live; the failure in its record is deleted", async () => {
  const world = opened([called]);
  const { engine } = world.app;
  const failing = await call(world, "fails");
  const succeeding = await call(world, "succeeds");
  const { execution: before } = await engine.admin.executions.explain(key);
  expect(before).toMatchObject({ state: "SUCCESS", lastFailure: { batchId: failing } });

  expect((await engine.admin.forget(failing, { isToBeDeleted: true })).keys).toEqual([
    { key, fate: "scrubbed" },
  ]);
  const { execution, steps } = await engine.admin.executions.explain(key);
  expect(execution).toMatchObject({
    state: "SUCCESS",
    producedBy: { batchId: succeeding },
    lastFailure: null,
  });
  expect(execution.dueSeconds).toBeLessThan(before.dueSeconds);
  // The step of the failed call is gone, that of the other is not.
  expect(steps.map(({ name }) => name)).toEqual(["succeeds step"]);
  const third = await call(world, "asks again");
  const view = await engine.admin.show(third);
  expect(view.tasks).toMatchObject([{ reason: "already_completed", result: "succeeds" }]);
});

test("a result of the batch is deleted even if other batches used it, and the next call runs", async () => {
  const world = opened([called]);
  const { engine } = world.app;
  const producing = await call(world, "succeeds");
  const taking = await call(world, "takes it");
  expect((await engine.admin.forget(taking, { isToBeDeleted: true })).keys).toEqual([]);
  expect((await engine.admin.executions.explain(key)).execution.state).toBe("SUCCESS");
  expect((await engine.admin.forget(producing, { isToBeDeleted: true })).keys).toEqual([
    { key, fate: "deleted" },
  ]);
  await expect(engine.admin.executions.explain(key)).rejects.toMatchObject({ code: "EXECUTION_UNKNOWN" });
  const next = await engine.admin.show(await call(world, "runs"));
  expect(next.tasks).toMatchObject([{ reason: null, result: "runs" }]);
});

test("a call that takes the key while it is deleted keeps it, and a later attempt continues from there", async () => {
  let meanwhile: (() => Promise<unknown>) | undefined;
  const world = opened([called], (dependencies) =>
    withStore(dependencies, (store) => ({
      async commitEach(writes) {
        const isRecord = writes.some(
          ({ kind, key: { collection } }) => kind === "delete" && collection === "executions",
        );
        const act = isRecord ? meanwhile : undefined;
        if (act) meanwhile = undefined;
        await act?.();
        return store.commitEach(writes);
      },
    })),
  );
  const { engine } = world.app;
  const producing = await call(world, "succeeds");
  meanwhile = () => call(world, "waits");
  await expect(engine.admin.forget(producing, { isToBeDeleted: true })).rejects.toMatchObject({
    code: "EXECUTION_LOCKED",
  });
  const { execution, steps } = await engine.admin.executions.explain(key);
  expect(execution).toMatchObject({ state: "PROCESSING" });
  expect(steps.map(({ name }) => name)).toContain("waits step");
  await engine.cancel(execution.holder?.batchId ?? "");
  await engine.admin.forget(producing, { isToBeDeleted: true });
  expect((await all(world)).filter((text) => text.includes(producing))).toEqual([]);
});

test.each(["runs", "has ended"])(
  "a batch that is retried meanwhile stays, with its retry, which %s",
  async (how) => {
    let retry: (() => Promise<unknown>) | undefined;
    const world = opened([called], (dependencies) =>
      withStore(dependencies, (store) => ({
        async commitEach(writes) {
          const isLog = writes.some(
            ({ kind, key: { collection } }) => kind === "delete" && collection === "taskLogs",
          );
          const act = isLog ? retry : undefined;
          if (act) retry = undefined;
          await act?.();
          return store.commitEach(writes);
        },
      })),
    );
    const { engine } = world.app;
    const first = await call(world, "fails");
    await world.app.work.stop();
    retry = async () => {
      const { batchId } = await engine.retry(first);
      if (how === "has ended") await engine.cancel(batchId);
    };
    const refused = { code: "BATCH_NOT_FINISHED" };
    await expect(engine.admin.forget(first, { isToBeDeleted: true })).rejects.toMatchObject(refused);
    const runs = await engine.admin.list({});
    expect(runs.map(({ batchId }) => batchId)).toContain(first);
    const second = runs.find(({ run }) => run === 2)?.batchId ?? "";
    await engine.cancel(second);
    await engine.admin.forget(second, { isToBeDeleted: true });
    expect((await all(world)).filter((text) => text.includes(first) || text.includes(second))).toEqual([]);
  },
);
