import { expect, test } from "vitest";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import type { BatchView } from "../../src/core/views/views.ts";
import { TaskError, workflow } from "../../src/index.ts";
import { testApp } from "../support/app.ts";
import { seeded } from "../support/chaos.ts";
import { oracle, randomTasks, workflowOfTasks } from "../support/oracle.ts";
import { cloudInProcess } from "./in-process.ts";

/** What both engines must leave: everything but when, and under which name a large result was put away. */
function traces({ batchId, status, tasks }: BatchView) {
  const text = JSON.stringify({ batchId, status, tasks }, (name, value) =>
    times.has(name) ? undefined : value,
  );
  return JSON.parse(text.replaceAll(/[0-9a-f]{32}\.json/g, "name.json"));
}

const times = new Set(["readyAt", "startedAt", "endedAt", "waitedMs", "date"]);

const varied = workflow("varied")
  .task("first", () => ({ b: 1, a: [[2], { z: null }] }))
  .task(
    "flaky",
    ({ attempt }) => {
      if (attempt < 3) throw new Error(`try ${attempt}`);
      return attempt;
    },
    { after: ["first"], retry: { maxAttempts: 3, initial: "1s", factor: 1 } },
  )
  .task("fails", (): string => fail(), { after: ["first"] })
  .task("skipped", () => "never", { after: ["fails"] })
  .task("anyway", () => "anyway", { after: ["fails", "flaky"], rule: "all_ended" })
  .task("naps", ({ step }) => step.sleep("nap", "1s"), { after: ["first"] })
  .task("large", () => "x".repeat(100_000), { after: ["first"] })
  .task(
    "noted",
    ({ count, warn }) => {
      count("rows", 3);
      warn("careful");
      return { result: { whole: true }, summary: "short" };
    },
    { after: ["large"] },
  )
  .task("keyed", () => "once", { idempotency: { key: () => "the key", ttl: "1h" } })
  .task("again", () => "twice", { after: ["keyed"], idempotency: { key: () => "the key", ttl: "1h" } });

function fail(): never {
  throw new TaskError("for good", { code: "TOO_BAD", retryable: false });
}

test("the same workflow with the same outcomes leaves the same TaskLogs on both engines", async () => {
  const embedded: EmbeddedApp = testApp({ workflows: [varied] });
  const { batchId } = await embedded.engine.start({ kind: "start", workflowId: "varied", key: "same" });
  embedded.work.start();
  await expect.poll(async () => (await embedded.engine.admin.status(batchId)).status).not.toBe("RUNNING");
  const here = await embedded.engine.admin.show(batchId);
  const cloud = await cloudInProcess([varied]);
  const there = await cloud.app.engine.admin.show(await cloud.run("varied", "same"));
  expect(traces(there)).toEqual(traces(here));
  expect(there.tasks.map(({ status }) => status)).toContain("SKIPPED");
});

test("graphs of every rule end as a sequential oracle says", async () => {
  const random = seeded(11);
  const graphs = Array.from({ length: 12 }, () => randomTasks(random));
  const workflows = graphs.map((tasks, index) => ({ ...workflowOfTasks(tasks), id: `graph${index}` }));
  const named = workflows.map((built) => ({
    ...built,
    definition: { ...built.definition, workflowId: built.id },
  }));
  const cloud = await cloudInProcess(named);
  for (const [index, tasks] of graphs.entries()) {
    const view = await cloud.app.engine.admin.show(await cloud.run(`graph${index}`));
    const ends = view.tasks.map(({ taskId, status, reason }) => [
      taskId,
      status === "SKIPPED" ? `${status} ${reason}` : status,
    ]);
    expect(Object.fromEntries(ends)).toEqual(oracle(tasks));
  }
});

test("the key of a start answers with the retry of its batch on Google Cloud too", async () => {
  let isFixed = false;
  const daily = workflow("daily").task("work", () => (isFixed ? "done" : fail()), { retry: false });
  const cloud = await cloudInProcess([daily]);
  const first = await cloud.run("daily", "today");
  expect(await cloud.run("daily", "today")).toBe(first);
  isFixed = true;
  const { batchId } = await cloud.app.engine.retry(first);
  await cloud.idle();
  expect(await cloud.run("daily", "today")).toBe(batchId);
  expect((await cloud.app.engine.admin.status(batchId)).status).toBe("SUCCESS");
});
