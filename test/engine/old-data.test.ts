import { describe, expect, test } from "vitest";
import { decideAdmission } from "../../src/core/idempotency-lock.ts";
import type { Dependencies } from "../../src/engine/dependencies.ts";
import { IdempotencyStore } from "../../src/engine/records/idempotency-records.ts";
import {
  about,
  copyOfOldData,
  oldBatch,
  oldFixtures,
  workflowsNow,
} from "../fixtures/version-0-1/old-version.ts";
import { statuses, testApp, untilEnded } from "../support/app.ts";
import { timedApp } from "../support/timed-app.ts";
import { VirtualClock } from "../support/virtual-clock.ts";

const hourMs = 3_600_000;
type Fixture = (typeof oldFixtures)[number];

/** What a step has stored: the version that ran it. */
const storedByStep = { "version-0-1": "0.1", "layout-0": "layout 0" };

/** Old data two hours after its process was killed. */
function openOldData(fixture: Fixture) {
  const sent: string[] = [];
  const clock = new VirtualClock();
  clock.set(2 * hourMs);
  const timed = timedApp({
    data: copyOfOldData(fixture),
    workflows: workflowsNow,
    clock,
    around: (plain) => ({
      ...plain,
      callbacks: {
        ...plain.callbacks,
        send: async ({ webhookId, body }) => void sent.push(`${webhookId} ${body}`),
      },
    }),
  });
  return { ...timed, sent };
}

describe.each(oldFixtures)("data of %s", (fixture) => {
  test("every batch of the version before ends as its own version would have ended it", async () => {
    const { app, ended, until, sent } = openOldData(fixture);
    const { engine } = app;
    app.work.start();
    const results = async (name: string) => {
      const view = await ended(oldBatch(name), 4 * 3_600);
      const named = view.tasks.map(({ taskId, result }) => [taskId, result] as const);
      return { statuses: statuses(view), results: Object.fromEntries(named) };
    };
    for (const name of ["holds-lock", "keeps-step", "early", "large", "joins"])
      await engine.receiveEvent({ kind: "event", batchId: oldBatch(name), event: "go", payload: name });
    // By the event and the completion among the messages of the old file.
    expect(await results("waits-for-event")).toMatchObject({ results: { ask: { said: "yes" } } });
    expect(await results("waits-for-completion")).toMatchObject({
      statuses: { ask: "SUCCESS", read: "SUCCESS" },
      results: { ask: { from: "outside" }, read: { from: "outside" } },
    });
    expect(await results("holds-lock")).toMatchObject({ statuses: { work: "SUCCESS" } });
    expect(await results("waits-for-lock")).toMatchObject({
      statuses: { work: "SUCCESS already_completed" },
      results: { work: "holds-lock" },
    });
    expect(await results("sleeps")).toMatchObject({ results: { nap: "awake" } });
    expect(await results("retries")).toMatchObject({ results: { work: 2 } });
    expect(await results("unstarted")).toMatchObject({ results: { first: 1, second: 2 } });
    expect(await results("running")).toMatchObject({ results: { work: 2 } });
    expect(await results("keeps-step")).toMatchObject({ results: { work: storedByStep[fixture] } });
    expect(await results("early")).toMatchObject({ results: { before: "early", ask: "early" } });
    expect(await results("large")).toMatchObject({ results: { read: 200_000 } });
    expect(await results("joins")).toMatchObject({
      statuses: { good: "SUCCESS", slow: "SUCCESS", never: "SKIPPED rule_not_met", both: "SUCCESS" },
    });
    expect(await results("cancelled")).toMatchObject({
      statuses: { work: "CANCELLED cancelled", after: "CANCELLED cancelled" },
    });
    expect(await results("held")).toMatchObject({ statuses: { remote: "CANCELLED cancelled" } });
    await until(async () => (await engine.admin.callbacks.require(about.callbackId)).state === "DELIVERED");
    expect(sent).toHaveLength(1);
    expect(sent[0]).toContain(about.callbackId);
    expect((await engine.admin.list({ workflowId: "daily" })).map(({ startedBy }) => startedBy)).toEqual([
      "schedule 2023-11-14T22:30:00Z",
    ]);
    expect((await engine.admin.list({ status: "RUNNING" })).map(({ batchId }) => batchId)).toEqual([]);
  });

  test("a cached result of the version before is found, and the locks of its cancelled batches are free", async () => {
    const { app, ended, start } = openOldData(fixture);
    app.work.start();
    const view = await ended(await start("cached", { id: 1 }));
    expect(view.tasks[0]).toMatchObject({ reason: "already_completed", result: oldBatch("cached") });
    for (const name of ["cancelled", "held"]) await ended(oldBatch(name), 4 * 3_600);
    const { rows } = await app.engine.admin.inspection.locks(10);
    expect(rows.map(({ batchId }) => batchId)).toEqual([oldBatch("holds-lock")]);
  });

  test("a key that the version before holds for a cancel does not count as locked by a running task", async () => {
    let dependencies: Dependencies | undefined;
    const around = (plain: Dependencies) => {
      dependencies = plain;
      return plain;
    };
    testApp({ data: copyOfOldData(fixture), workflows: workflowsNow, clock: frozen(), around });
    if (!dependencies) throw new Error("An app has dependencies");
    const found = await new IdempotencyStore(dependencies.store).require("held/remote?into=ones");
    const admission = decideAdmission(
      { execution: found.data, ageMs: found.ageMs },
      { batchId: "another", taskId: "remote" },
    );
    expect(admission).toMatchObject({ kind: "locked", byCancel: true });
  });

  test("a dead letter of the version before is replayed, and its applied workflow runs", async () => {
    const app = testApp({
      data: copyOfOldData(fixture),
      environment: { BATON_WORKFLOWS: "test/cloud/workflows" },
    });
    const { letters } = await app.engine.deadLetters.list();
    expect(letters).toMatchObject([{ code: "BODY_NOT_AN_EVENT", source: "http", replayedAt: null }]);
    const message = await app.deliveries.parseDeadLetter(letters[0]?.deadLetterId ?? "");
    expect(message).toMatchObject({ kind: "start", workflowId: "unstarted", key: "from a dead letter" });
    expect((await app.applied.all()).map(({ workflowId }) => workflowId)).toEqual(["applied"]);
    const { batchId } = await app.engine.start({ kind: "start", workflowId: "applied" });
    app.work.start({ batchId });
    expect((await untilEnded(app, batchId)).status).toBe("SUCCESS");
  });
});

/** The moment at which the old process was killed. */
function frozen() {
  return { now: () => about.startOfTime, monotonicMs: () => 0, after: () => () => undefined };
}
