import { http, powerBiRefresh, type TaskContext, TaskError, workflow } from "baton-dag";
import { type ChaosOptions, chaos, type FindingCode } from "baton-dag/testing";
import { describe, expect, test } from "vitest";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";
import {
  chargesTwice,
  correct,
  dependsOnTheOrder,
  ignoresItsSignal,
  movesItsStep,
  returnsADate,
  returnsTheTime,
  sharesAVariable,
  worksOutsideSteps,
} from "./faulty-workflows.ts";

const input = { order: "7" };

async function codes(subject: BuiltWorkflow, options: ChaosOptions = {}): Promise<readonly string[]> {
  const { findings } = await chaos(subject, { input, ...options });
  return findings.map(({ code, taskId }) => `${code} ${taskId}`);
}

describe("each kind of mistake is found", () => {
  test.each<[FindingCode, BuiltWorkflow, string, RegExp]>([
    [
      "EFFECT_REPEATED",
      chargesTwice,
      "charge",
      /twice, without the idempotency key: POST https:\/\/pay\.example/,
    ],
    ["RESULT_DIFFERS", returnsTheTime, "stamp", /reads the clock, and it uses random values/],
    ["STEP_MOVED", movesItsStep, "load", /does not find its step "load at \d+"/],
    ["ABORT_IGNORED", ignoresItsSignal, "copy", /continues for \d+ s after its signal was aborted/],
    ["RESULT_NOT_JSON", returnsADate, "when", /\$\.at: a Date/],
    ["WORK_OUTSIDE_STEP", worksOutsideSteps, "remind", /Outside of its steps/],
    ["STATE_SHARED", sharesAVariable, "one", /keeps something from an earlier run/],
    ["STATE_SHARED", dependsOnTheOrder, "two", /depends on the order/],
  ])("%s", async (code, subject, taskId, message) => {
    const { findings } = await chaos(subject, { input });
    const found = findings.find((finding) => finding.code === code && finding.taskId === taskId);
    expect(found?.message).toMatch(message);
    expect(found?.remedy).not.toBe("");
    expect(found?.faults).toBeLessThanOrEqual(2);
    expect(found?.story.join("\n")).toContain(taskId);
    // Nothing else is wrong with them.
    const related = code === "STATE_SHARED" ? [code, "RESULT_DIFFERS"] : [code];
    expect(findings.filter((finding) => !related.includes(finding.code))).toEqual([]);
  });
});

test("the same work, written as it should be, is no finding", async () => {
  expect(await codes(correct, { schedules: 40 })).toEqual([]);
});

test("the same seed gives the same report, and a finding is shown again by its seed alone", async () => {
  const first = await chaos(chargesTwice, { input });
  expect(await chaos(chargesTwice, { input })).toEqual(first);
  const [found] = first.findings;
  const again = await chaos(chargesTwice, { input, seed: found?.seed ?? 0, schedules: 1 });
  expect(again.findings).toEqual([found]);
});

type Run = (context: TaskContext) => unknown;

const single = (run: Run) => workflow("single").task("only", run);
const request = { url: "https://x.example/a", timeoutSeconds: 9, maxResponseBytes: 99 };
const post = { ...request, method: "POST", body: "{}" };

describe("effects", () => {
  test.each<[string, Run]>([
    [
      "fetch",
      ({ signal }) => fetch("https://x.example/a", { method: "POST", body: "{}", signal }).then(() => 1),
    ],
    [
      "an idempotency key that changes",
      async ({ services, signal, attempt }) => {
        await services.http.request({ ...post, headers: { "Idempotency-Key": `try ${attempt}` }, signal });
      },
    ],
    [
      "inside a step",
      async ({ services, signal, step }) => {
        await step(
          "send",
          async () => (await services.http.request({ ...post, headers: {}, signal })).status,
        );
      },
    ],
    [
      "an object with another name each time",
      async ({ services, signal, attempt }) => {
        signal.throwIfAborted();
        await services.objects.write(
          { bucket: "reports", object: `${attempt}.txt` },
          new Uint8Array(1),
          "text/plain",
        );
      },
    ],
  ])("%s is found when it is repeated", async (_, run) => {
    expect(await codes(single(run), { schedules: 120 })).toContain("EFFECT_REPEATED only");
  });

  test.each<[string, Run]>([
    [
      "a GET",
      async ({ services, signal }) =>
        void (await services.http.request({
          ...request,
          method: "GET",
          headers: {},
          body: undefined,
          signal,
        })),
    ],
    [
      "a key in the body",
      async ({ services, signal, idempotencyKey }) =>
        void (await services.http.request({
          ...post,
          headers: {},
          body: JSON.stringify({ id: idempotencyKey }),
          signal,
        })),
    ],
    [
      "the same object",
      async ({ services, signal, idempotencyKey }) => {
        signal.throwIfAborted();
        await services.objects.write(
          { bucket: "reports", object: idempotencyKey },
          new Uint8Array(1),
          "text/plain",
        );
      },
    ],
  ])("%s may be repeated", async (_, run) => {
    expect(await codes(single(run), { schedules: 120 })).toEqual([]);
  });

  test("those of built-in tasks are Baton's own", async () => {
    const refresh = workflow("refresh").task("refresh", powerBiRefresh({ dataset: "d", workspace: "w" }));
    expect(await codes(refresh, { schedules: 120 })).toEqual([]);
  });
});

test("a task that never ends is found", async () => {
  const deaf = workflow("deaf").task("only", () => new Promise(() => {}), { timeout: "2m" });
  expect(await codes(deaf, { schedules: 2 })).toEqual(["ABORT_IGNORED only"]);
});

test("effects after the abort are found, also if the service would recognise a repetition", async () => {
  const careless = single(async ({ services, idempotencyKey }) => {
    const { signal } = new AbortController();
    for (let part = 0; part < 4; part += 1)
      await services.http.request({
        ...post,
        headers: { "Idempotency-Key": `${idempotencyKey} ${part}` },
        signal,
      });
  });
  expect(await codes(careless)).toEqual(["ABORT_IGNORED only"]);
});

test("a poll may ask by POST", async () => {
  const polls = single(({ step, services, signal }) => {
    let looks = 0;
    return step.poll("state", { every: "1m", timeout: "1h" }, async () => {
      looks += 1;
      await services.http.request({ ...post, headers: {}, signal });
      return looks > 0 || undefined;
    });
  });
  expect(await codes(polls, { schedules: 100 })).toEqual([]);
});

test("events and completions are sent, mocks and fakes are used", async () => {
  const waits = workflow("waits")
    .task("ask", ({ step }) => step.waitForEvent("approved", { timeout: "2d" }))
    .task("ship", (context) => context.waitForCompletion("5d"), { after: ["ask"] })
    .task("mocked", (): unknown => new Date(), { after: ["ship"] });
  const seen = new Set<unknown>();
  const options = {
    events: { approved: { by: "Ada" } },
    completions: { ship: { parcel: 7 } },
    mocks: {
      mocked: async ({ parent }: TaskContext) => {
        seen.add(JSON.stringify(await parent("ship")));
        return 1;
      },
    },
    schedules: 20,
  };
  expect(await codes(waits, options)).toEqual([]);
  expect([...seen]).toEqual(['{"parcel":7}']);
});

test("state of a module is not shared by workers when the workflow is loaded for each of them", async () => {
  const load = async () => {
    let shared = 0;
    return workflow("leaks")
      .task("set", () => {
        shared = 5;
        return 1;
      })
      .task("get", () => shared, { after: ["set"] });
  };
  const { findings } = await chaos(load, { schedules: 1 });
  expect(findings.map(({ code, taskId }) => `${code} ${taskId}`)).toContain("STATE_SHARED get");
  expect(await codes(await load(), { schedules: 1 })).toEqual([]);
});

test("a report names the tasks that never ran, and the failure that is why", async () => {
  const stuck = workflow("stuck")
    .task(
      "load",
      () => {
        throw new TaskError("the file is empty", { code: "FILE_EMPTY", retryable: false });
      },
      { retry: false },
    )
    .task("ask", http({ url: "https://rates.example/latest" }))
    .task("sum", () => 1, { after: ["load"] })
    .task("alarm", () => 2, { after: ["load"], rule: "any_failed" });
  const report = await chaos(stuck, { schedules: 6 });
  expect(report).toMatchObject({
    findings: [],
    untried: ["sum"],
    failures: { load: "FILE_EMPTY: the file is empty" },
  });
  const { untried, failures } = await chaos(correct, { input, schedules: 1 });
  expect({ untried, failures }).toEqual({ untried: [], failures: {} });
});

test("mistakes of the caller have codes", async () => {
  await expect(chaos(chargesTwice, { input: {} })).rejects.toMatchObject({ code: "INPUT_INVALID" });
  await expect(chaos(chargesTwice)).rejects.toMatchObject({ code: "INPUT_INVALID" });
});
