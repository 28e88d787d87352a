import { writeFileSync } from "node:fs";
import {
  archiveFile,
  FileDropped,
  fileDrop,
  http,
  loadFile,
  runQuery,
  schedule,
  TaskError,
  workflow,
} from "baton-dag";
import { readWorkflow, testWorkflow } from "baton-dag/testing";
import { expect, test } from "vitest";
import * as z from "zod";
import { temporaryFolder } from "../support/app.ts";

const greet = workflow("greet", { input: z.object({ name: z.string().default("Ada") }) })
  .task("compose", ({ input }) => ({ text: `Hello, ${input.name}` }))
  .task("shout", async ({ parent }) => (await parent("compose")).text.toUpperCase(), { after: ["compose"] });

test("runs a workflow to its end and gives typed results", async () => {
  const run = await testWorkflow(greet).run({ input: { name: "Grace" } });
  expect(run.status).toBe("SUCCESS");
  const text: string = run.result("shout");
  expect(text).toBe("HELLO, GRACE");
  expect(run.tasks.compose).toMatchObject({
    status: "SUCCESS",
    attempts: 1,
    result: { text: "Hello, Grace" },
  });
});

test("retries of minutes and a sleep of two days take no real time", async () => {
  let tries = 0;
  const slow = workflow("slow")
    .task(
      "flaky",
      () => {
        tries += 1;
        if (tries < 4) throw new Error(`try ${tries}`);
        return tries;
      },
      { retry: { maxAttempts: 5, initial: "5m" } },
    )
    .task(
      "later",
      async ({ step }) => {
        await step.sleep("two days", "2d");
        return new Date().toISOString();
      },
      { after: ["flaky"] },
    );
  const run = await testWorkflow(slow, { now: "2026-03-01T00:00:00Z" }).run();
  expect(run.result("flaky")).toBe(4);
  expect(run.tasks.flaky.attempts).toBe(4);
  expect(run.result("later").slice(0, 10)).toBe("2026-03-03");
  expect(run.durationMs).toBeGreaterThan(2 * 24 * 3_600_000);
});

test("a mock replaces the code of a task, of a built-in one too", async () => {
  const order = workflow("order", { input: z.object({ id: z.string() }) })
    .task("charge", http({ url: "https://pay.example/charges", body: { id: "{{ input.id }}" } }))
    .task("mail", async ({ parent }) => (await parent("charge")).status, { after: ["charge"] });
  const mocked = testWorkflow(order).mock("charge", ({ input }) => ({ status: 201, body: input.id }));
  expect((await mocked.run({ input: { id: "7" } })).result("mail")).toBe(201);
  const failing = testWorkflow(order).mock("charge", () => {
    throw new TaskError("card refused", { code: "CARD_REFUSED", retryable: false });
  });
  const run = await failing.run({ input: { id: "7" } });
  expect(run.status).toBe("ERROR");
  expect(run.error("charge")).toMatchObject({
    code: "CARD_REFUSED",
    message: "card refused",
    retryable: false,
  });
  expect(run.error("charge").place).toMatch(/^test\/testing\/test-workflow\.test\.ts:\d+:\d+$/);
  expect(run.tasks.mail).toMatchObject({ status: "SKIPPED", reason: "upstream_failed" });
  expect(() => run.result("mail")).toThrow(/Task mail ended SKIPPED/);
});

test("HTTP requests are answered by the fake, and an unknown one is refused with its remedy", async () => {
  const order = workflow("order").task(
    "charge",
    http({ url: "https://pay.example/charges", body: { id: 7 } }),
  );
  const answered = testWorkflow(order, {
    http: {
      "POST https://pay.example/*": ({ json, headers }) => ({
        body: { json, key: headers["idempotency-key"] },
      }),
    },
  });
  const run = await answered.run();
  expect(run.result("charge").body).toMatchObject({ json: { id: 7 }, key: expect.any(String) });
  expect(run.calls.map(({ service, method }) => `${service}.${method}`)).toEqual(["http.request"]);
  const { code, message } = (await testWorkflow(order).run()).error("charge");
  expect(code).toBe("TEST_SERVICE_NOT_FAKED");
  expect(message).toContain("POST https://pay.example/charges");
});

test("a file dropped into the inbox is loaded into the warehouse in memory", async () => {
  const sales = workflow("sales", { input: FileDropped, on: [fileDrop("sales/*.csv")] })
    .task("load", loadFile({ table: "sales", mode: "merge", key: ["id"] }))
    .task("sum", runQuery({ sql: "SELECT sum(amount) AS total FROM sales", into: "totals" }), {
      after: ["load"],
    })
    .task("archive", archiveFile({ to: "archive/" }), { after: ["load"] });
  const sut = testWorkflow(sales);
  const run = await sut.dropFile("sales/a.csv", "id,amount\n1,10\n2,32\n");
  expect(run.result("load")).toMatchObject({ table: "sales", rows: 2 });
  expect(await sut.warehouse.select("SELECT total FROM totals")).toEqual([{ total: 42 }]);
  expect(sut.objects.names("inbox")).toEqual(["archive/sales/a.csv"]);
  await expect(sut.dropFile("other/a.csv", "x")).rejects.toMatchObject({ code: "TEST_FILE_UNMATCHED" });
});

test("events, completions and time are moved by the test", async () => {
  const approval = workflow("approval")
    .task("ask", async ({ step }) => step.waitForEvent("approved", { timeout: "2d" }))
    .task("ship", (context) => context.waitForCompletion("5d"), { after: ["ask"] });
  const sut = testWorkflow(approval);
  const started = await sut.start();
  await started.untilWaiting("ask");
  expect((await started.show()).tasks.ask).toMatchObject({
    status: "WAITING",
    reason: "event",
    waitsFor: ["approved"],
  });
  await started.advance("1d");
  await started.sendEvent("approved", { by: "Ada" });
  await started.untilWaiting("ship");
  await started.complete("ship", { result: { parcel: 7 } });
  const run = await started.end();
  expect(run.result("ask")).toEqual({ by: "Ada" });
  expect(run.result("ship")).toEqual({ parcel: 7 });
  const late = await sut.run();
  expect(late.error("ask").code).toBe("EVENT_TIMEOUT");
  expect(late.durationMs).toBeGreaterThanOrEqual(2 * 24 * 3_600_000);
});

test("schedules start at their time", async () => {
  const daily = workflow("daily", { on: [schedule("0 6 * * *", { timeZone: "Europe/Paris" })] }).task(
    "day",
    ({ input }) => JSON.stringify(input),
  );
  const sut = testWorkflow(daily);
  expect(await sut.at("2026-01-02T04:59:00Z")).toEqual([]);
  const [first, ...others] = await sut.at("2026-01-02T05:00:00Z");
  expect(others).toEqual([]);
  expect(first?.status).toBe("SUCCESS");
  expect(first?.result("day")).toContain("2026-01-02");
  await expect(sut.at("2025-01-01T00:00:00Z")).rejects.toMatchObject({ code: "TEST_TIME_INVALID" });
});

test("callbacks, notes, retries of batches and keys are those of the engine", async () => {
  let fails = true;
  const report = workflow("report", { input: z.object({ url: z.string() }) }).task(
    "send",
    async ({ callback, count }) => {
      await callback.progress({ percent: 50 });
      count("rows", 3);
      if (fails) throw new TaskError("not now", { retryable: false });
      return "sent";
    },
    { callback: { url: "{{ input.url }}" } },
  );
  const sut = testWorkflow(report);
  const failed = await sut.run({ input: { url: "https://caller.example/done" } });
  expect(failed.status).toBe("ERROR");
  fails = false;
  const retried = await sut.retry(failed);
  expect(retried.result("send")).toBe("sent");
  expect(retried.tasks.send.counters).toEqual({ rows: 3 });
  expect(retried.callbacks.map(({ url, type }) => `${type} ${url}`)).toEqual([
    "task.progress https://caller.example/done",
    "task.completed https://caller.example/done",
  ]);
});

test("a run that finds its work done has the callback that it sends again", async () => {
  const once = workflow("once").task("work", () => "done", {
    idempotency: true,
    callback: { url: "https://caller.example/" },
  });
  const subject = testWorkflow(once);
  const first = await subject.run();
  const again = await subject.run();
  expect(again.tasks.work.reason).toBe("already_completed");
  expect(first.callbacks).toHaveLength(1);
  expect(again.callbacks).toEqual(first.callbacks);
});

test("a task times out in virtual time, whether or not it respects its signal", async () => {
  const hangs = workflow("hangs")
    .task(
      "polite",
      ({ signal }) =>
        new Promise((_, reject) => signal.addEventListener("abort", () => reject(signal.reason))),
      {
        timeout: "5m",
        retry: { maxAttempts: 1 },
      },
    )
    .task("deaf", () => new Promise(() => {}), { timeout: "50m", retry: { maxAttempts: 1 } });
  const run = await testWorkflow(hangs).run();
  expect(run.error("polite").code).toBe("TASK_TIMEOUT");
  expect(run.error("deaf").code).toBe("TASK_TIMEOUT");
});

test("time, timers and chance of task code are the test's; those of the test are not", async () => {
  const timers = workflow("timers").task("wait", async () => {
    const before = Date.now();
    await new Promise((resolve) => setTimeout(resolve, 60_000));
    return { waited: Date.now() - before, year: new Date().getUTCFullYear(), random: Math.random() };
  });
  const runs = await Promise.all([1, 2].map(() => testWorkflow(timers, { now: "1999-06-01" }).run()));
  for (const run of runs)
    expect(run.result("wait")).toMatchObject({
      waited: expect.toSatisfy((ms: number) => ms >= 60_000),
      year: 1999,
    });
  expect(runs[0]?.result("wait").random).toBe(runs[1]?.result("wait").random);
  expect(new Date().getUTCFullYear()).toBeGreaterThan(1999);
});

test("virtual time waits for work outside of the simulated world", async () => {
  const { readFile } = await import("node:fs/promises");
  const { gzip } = await import("node:zlib");
  const { promisify } = await import("node:util");
  const real = workflow("real").task(
    "read",
    async () => {
      const text = await readFile(new URL(import.meta.url), "utf8");
      return (await promisify(gzip)(text)).byteLength > 100;
    },
    { timeout: "1s" },
  );
  expect((await testWorkflow(real).run()).result("read")).toBe(true);
});

test("mistakes of a test have codes", async () => {
  // @ts-expect-error There is no such task.
  expect(() => testWorkflow(greet).mock("shoot", () => "")).toThrow(/tasks are: compose, shout/);
  // @ts-expect-error The input has another type.
  await expect(testWorkflow(greet).run({ input: { name: 7 } })).rejects.toMatchObject({
    code: "INPUT_INVALID",
  });
  // @ts-expect-error No workflow.
  expect(() => testWorkflow({})).toThrow(/takes a workflow/);
});

test("a file with problems is no workflow: the error lists them all", async () => {
  const file = `${temporaryFolder()}/broken.yaml`;
  const tasks = ["  - { id: a, type: nonsense }", "  - { id: b, after: [c], type: http }"];
  writeFileSync(file, ["workflow: broken", "tasks:", ...tasks].join("\n"));
  await expect(readWorkflow(file)).rejects.toThrow(/broken\.yaml:3.*TASK_TYPE_UNKNOWN[\s\S]*broken\.yaml:4/);
});

test("a result or an error that a skipped task lacks is explained by the task that failed", async () => {
  const subject = workflow("explained")
    .task("load", () => {
      throw new TaskError("the file is empty", { code: "FILE_EMPTY", retryable: false });
    })
    .task("sum", () => 1, { after: ["load"] })
    .task("other", () => 2);
  const run = await testWorkflow(subject).run();
  const explained =
    /sum .*ended SKIPPED \(upstream_failed\)\. Failed: load \(FILE_EMPTY: the file is empty\)$/;
  expect(() => run.error("sum")).toThrow(explained);
  expect(() => run.result("sum")).toThrow(explained);
  expect(() => run.result("load")).toThrow(/load ended ERROR \(FILE_EMPTY: the file is empty\)$/);
  expect(() => run.error("other")).toThrow(/other has no error: it ended SUCCESS$/);
});
