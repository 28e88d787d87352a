import { expect, test } from "vitest";
import { until } from "../support/command.ts";
import { approval, listening } from "../support/command-workflows.ts";
import { jsonOf, workplace } from "./enrich-place.ts";

test("complete: with a result, with an error, before the task waits, and too late", async () => {
  const place = workplace({ "approval.ts": approval });
  const server = await place.server();
  const start = async () => (await place.baton(["run", "approval", "--detach", "--json"])).json.batchId;
  const taskOf = async (batchId: string) => (await place.baton(["show", batchId, "--json"])).json.tasks[0];
  const untilTask = (batchId: string, state: object) =>
    until(async () => {
      const task = await taskOf(batchId);
      return Object.entries(state).every(([name, value]) => Reflect.get(task ?? {}, name) === value);
    });

  const early = await start();
  await untilTask(early, { status: "PROCESSING" });
  const kept = await place.baton(["complete", early, "ask", "--result", '"early"']);
  expect(kept).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("does not wait for its completion yet (PROCESSING): stored"),
  });
  place.write("asked", "");
  await untilTask(early, { status: "SUCCESS", result: "early" });

  const [good, bad] = [await start(), await start()];
  for (const batchId of [good, bad]) await untilTask(batchId, { reason: "completion" });
  place.write("answer.json", '"yes"');
  const done = await place.baton(["complete", good, "ask", "--result", "@answer.json", "--json"]);
  expect(jsonOf(done)).toEqual({
    ...{ batchId: good, taskId: "ask", completed: true, status: "SUCCESS" },
    ...{ reason: null, waitsFor: [] },
  });
  const failed = await place.baton(["complete", bad, "ask", "--error", "refused by Ada"]);
  expect(failed).toMatchObject({ code: 0, stdout: expect.stringContaining("ended ERROR") });
  expect(await taskOf(good)).toMatchObject({ status: "SUCCESS", result: "yes" });
  expect(await taskOf(bad)).toMatchObject({ status: "ERROR", error: { message: "refused by Ada" } });

  const late = await place.baton(["complete", good, "ask", "--result", "1"]);
  expect(late).toMatchObject({ code: 1, stderr: expect.stringMatching(/^error TASK_ENDED: .* SUCCESS\n/) });
  const wrong: readonly (readonly [readonly string[], string])[] = [
    [["missing", "ask"], "BATCH_UNKNOWN"],
    [[good, "missing"], "TASK_UNKNOWN"],
    [[good, "ask", "--result", "1", "--error", "no"], "USAGE"],
    [[good, "ask", "--result", "{"], "USAGE"],
  ];
  for (const [parameters, code] of wrong) {
    const result = await place.baton(["complete", ...parameters]);
    expect([parameters, result.code]).toEqual([parameters, 2]);
    expect(result.stderr).toMatch(new RegExp(`^error ${code}: `));
  }
  server.signal("SIGTERM");
  expect((await server.ended).code).toBe(0);
});

test("event: before the task waits, while it does, a second time, and after the end", async () => {
  const place = workplace({ "listening.ts": listening });
  await place.server();
  const start = async () => (await place.baton(["run", "listening", "--detach", "--json"])).json.batchId;
  const show = async (batchId: string) => (await place.baton(["show", batchId, "--json"])).json;
  const ended = (batchId: string) => until(async () => (await show(batchId)).status !== "RUNNING");

  const early = await start();
  const kept = await place.baton(["event", early, "paid", "--payload", '{"euros":5}']);
  expect(kept).toMatchObject({ code: 0, stdout: expect.stringContaining("No task waits for paid now") });
  place.write("listening", "");
  await ended(early);
  expect((await show(early)).tasks).toMatchObject([{ status: "SUCCESS", result: { euros: 5 } }]);

  const waiting = await start();
  await until(async () => (await place.baton(["inspect", "active"])).stdout.includes("WAITING  event"));
  const other = await place.baton(["event", waiting, "other", "--json"]);
  expect(jsonOf(other)).toEqual({
    batchId: waiting,
    event: "other",
    batchStatus: "RUNNING",
    isFirst: true,
    woken: [],
    waiting: [{ taskId: "listen", events: ["paid"] }],
  });
  const mistyped = await place.baton(["event", waiting, "Paid"]);
  expect(mistyped.stdout).toBe(
    [
      "Event Paid is stored.",
      "No task waits for Paid now: a task that waits for it later will find it.",
      "Task listen waits for paid.",
      "Did you mean paid?\n",
    ].join("\n"),
  );
  expect((await place.baton(["show", waiting])).stdout).toMatch(/listen +WAITING +event paid /);
  expect((await show(waiting)).tasks).toMatchObject([{ reason: "event", waitsFor: ["paid"] }]);
  const completed = await place.baton(["complete", waiting, "listen"]);
  expect(completed.stdout).toContain("does not wait for its completion: it waits for the event paid.");
  expect(completed.stdout).toContain(`Send it with: baton event ${waiting} paid`);
  expect(jsonOf(await place.baton(["complete", waiting, "listen", "--json"]))).toEqual({
    ...{ batchId: waiting, taskId: "listen", completed: false, status: "WAITING" },
    ...{ reason: "event", waitsFor: ["paid"] },
  });
  await until(async () => (await place.baton(["inspect", "active"])).stdout.includes("WAITING  event"));
  const woke = await place.baton(["event", waiting, "paid", "--payload", "6"]);
  expect(woke).toMatchObject({ code: 0, stdout: expect.stringContaining("Resumed listen: ") });
  await ended(waiting);
  expect((await show(waiting)).tasks).toMatchObject([{ status: "SUCCESS", result: 6 }]);
  const late = await place.baton(["event", waiting, "paid", "--payload", "7"]);
  expect(late.stdout).toContain("the first one counts");
  expect(late.stdout).toContain("has ended SUCCESS: no task will wait for it");
  for (const [parameters, code] of [
    [["missing", "paid"], "BATCH_UNKNOWN"],
    [[waiting, ""], "USAGE"],
    [[waiting, "paid", "--payload", "{"], "USAGE"],
  ] as const) {
    const result = await place.baton(["event", ...parameters]);
    expect([parameters, result.code]).toEqual([parameters, 2]);
    expect(result.stderr).toMatch(new RegExp(`^error ${code}: `));
  }
});
