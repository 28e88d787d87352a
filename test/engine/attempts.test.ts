import { expect, test } from "vitest";
import { TaskError, workflow } from "../../src/index.ts";
import { runToEnd, testApp } from "../support/app.ts";

const quickly = { initial: "20ms", factor: 1 } as const;

test("fails twice, then succeeds: three attempts", async () => {
  const flaky = workflow("flaky").task(
    "a",
    ({ attempt }) => {
      if (attempt < 3) throw new Error(`no ${attempt}`);
      return attempt;
    },
    { retry: quickly },
  );
  const view = await runToEnd(testApp({ workflows: [flaky] }), "flaky");
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 3, result: 3, error: null });
});

test("the attempts used up, it ends in ERROR with the last error", async () => {
  const broken = workflow("broken").task(
    "a",
    ({ attempt }) => {
      throw new Error(`no ${attempt}`);
    },
    { retry: { ...quickly, maxAttempts: 3 } },
  );
  const view = await runToEnd(testApp({ workflows: [broken] }), "broken");
  expect(view.status).toBe("ERROR");
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", attempts: 3, error: { message: "no 3" } });
});

test("between attempts it is WAITING for its retry, and nothing else is", async () => {
  const waits = workflow("waits").task("a", () => {
    throw new Error("no");
  });
  const app = testApp({ workflows: [waits] });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "waits" });
  app.work.start();
  await expect
    .poll(async () => (await app.engine.admin.show(batchId)).tasks[0])
    .toMatchObject({ status: "WAITING", reason: "retry", attempts: 1, error: { message: "no" } });
});

test("whatever is thrown ends the attempt, even what can't be shown", async () => {
  const thrown = {
    toString: () => {
      throw new Error("no");
    },
  };
  const odd = workflow("odd").task(
    "a",
    () => {
      throw thrown;
    },
    { retry: false },
  );
  const view = await runToEnd(testApp({ workflows: [odd] }), "odd");
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", error: { code: "TASK_FAILED" } });
});

test("an error that is not retryable ends the task at once", async () => {
  const fatal = workflow("fatal").task("a", () => {
    throw new TaskError("no", { retryable: false });
  });
  const view = await runToEnd(testApp({ workflows: [fatal] }), "fatal");
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", attempts: 1 });
});

test("a timeout aborts the task and fails the attempt, even if the task ignores the signal", async () => {
  const signals: unknown[] = [];
  const slow = workflow("slow").task(
    "a",
    ({ signal }) => {
      signal.addEventListener("abort", () => signals.push(signal.reason));
      return new Promise<null>(() => undefined);
    },
    { timeout: "100ms", retry: { ...quickly, maxAttempts: 2 } },
  );
  const view = await runToEnd(testApp({ workflows: [slow] }), "slow");
  expect(view.tasks[0]).toMatchObject({ status: "ERROR", attempts: 2, error: { code: "TASK_TIMEOUT" } });
  expect(signals).toMatchObject([{ kind: "timeout" }, { kind: "timeout" }]);
});

test.each([
  ["a function", () => ({ callback: () => 1 }), "TASK_RESULT_NOT_JSON", "$.callback"],
  ["NaN", () => [Number.NaN], "TASK_RESULT_NOT_JSON", "$[0]"],
  [
    "too deep",
    () => JSON.parse(`${"[".repeat(5_000)}${"]".repeat(5_000)}`),
    "TASK_RESULT_NOT_JSON",
    "deeper",
  ],
  ["a Date", () => ({ at: new Date() }), "TASK_RESULT_NOT_JSON", "a Date"],
  ["too much", () => "x".repeat(33 * 1024 * 1024), "TASK_RESULT_TOO_LARGE", "33554432"],
])("a result that is %s ends in ERROR and says so", async (_name, make, code, part) => {
  const bad = workflow("bad").task("a", () => make() as string);
  const view = await runToEnd(testApp({ workflows: [bad] }), "bad");
  expect(view.tasks[0]?.error).toMatchObject({
    code,
    retryable: false,
    message: expect.stringContaining(part),
  });
});

test("a large result goes to the object store, and the child sees it whole", async () => {
  const large = workflow("large")
    .task("a", () => ({ text: "é".repeat(200_000) }))
    .task("b", async (task) => (await task.parent("a")).text.length, { after: ["a"] });
  const view = await runToEnd(testApp({ workflows: [large] }), "large");
  expect(view.tasks[0]?.result).toMatchObject({ bucket: "results", bytes: 400_011 });
  expect(view.tasks[1]?.result).toBe(200_000);
});

test("a task may ask only for its parents' results", async () => {
  const nosy = workflow("nosy")
    .task("a", () => 1)
    .task("b", (task) => (task as { parent(id: string): Promise<unknown> }).parent("a") as Promise<null>);
  const view = await runToEnd(testApp({ workflows: [nosy] }), "nosy");
  expect(view.tasks[1]?.error?.code).toBe("NOT_A_PARENT");
});

/** As some libraries have them: they have the method of a promise, and are none. */
function promiseOfALibrary(
  settle: (resolve: (value: string) => void, reject: (error: Error) => void) => void,
) {
  // biome-ignore lint/suspicious/noThenProperty: this is what such a library does.
  return { then: settle } as unknown as Promise<string>;
}

test("a task may return a promise of a library", async () => {
  const flow = workflow("flow")
    .task("resolves", () => promiseOfALibrary((resolve) => resolve("done")))
    .task(
      "called",
      () =>
        Object.assign(
          () => undefined,
          promiseOfALibrary((resolve) => resolve("called")),
        ) as unknown as string,
    )
    .task("rejects", () => promiseOfALibrary((_, reject) => reject(new Error("refused"))), { retry: false });
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks.map(({ result, error }) => error?.message ?? result)).toEqual([
    "done",
    "called",
    "refused",
  ]);
});

test("a value that can't even be looked at fails its task", async () => {
  const { proxy, revoke } = Proxy.revocable({}, {});
  revoke();
  const flow = workflow("flow").task("a", () => proxy, { retry: false });
  const view = await runToEnd(testApp({ workflows: [flow] }), "flow");
  expect(view.tasks[0]).toMatchObject({
    status: "ERROR",
    error: { message: expect.stringContaining("revoked") },
  });
});

test("every attempt is in the history, with its error, its worker and the wait before it", async () => {
  const flaky = workflow("flaky")
    .task("first", () => 1)
    .task(
      "a",
      ({ attempt }) => {
        if (attempt < 3) throw new TaskError(`no ${attempt}`, { code: "NOT_YET" });
        return attempt;
      },
      { after: ["first"], retry: quickly },
    );
  const view = await runToEnd(testApp({ workflows: [flaky] }), "flaky");
  const [first, task] = view.tasks;
  expect(task?.readyAt).toBe(first?.endedAt);
  expect(task?.history.map(({ attempt, outcome }) => `${attempt} ${outcome}`)).toEqual([
    "1 failed",
    "2 failed",
    "3 succeeded",
  ]);
  expect(task?.history.map(({ error }) => error && `${error.code} ${error.message}`)).toEqual([
    "NOT_YET no 1",
    "NOT_YET no 2",
    null,
  ]);
  for (const { worker, place } of task?.history.map((each) => ({ ...each, place: each.error?.place })) ??
    []) {
    expect(worker).toMatch(/:\d+$/);
    expect(place ?? "attempts.test.ts").toContain("attempts.test.ts");
  }
  const [one, two] = task?.history ?? [];
  expect(two?.waitedMs).toBe(Date.parse(two?.startedAt ?? "") - Date.parse(one?.endedAt ?? ""));
  expect(one?.waitedMs).toBe(Date.parse(one?.startedAt ?? "") - Date.parse(task?.readyAt ?? ""));
  expect(first?.history).toMatchObject([{ attempt: 1, outcome: "succeeded", error: null }]);
});
