import { expect, test } from "vitest";
import * as z from "zod";
import { until, Workplace } from "../support/command.ts";
import { gated, helloFiles } from "../support/command-workflows.ts";

const BatchSchema = z.object({ batchId: z.string(), tasks: z.array(z.object({ error: z.unknown() })) });

test("run: a line for each change, then every task, exit 0", async () => {
  const place = new Workplace(helloFiles);
  const { code, stdout, stderr } = await place.baton(["run", "hello", "--input", '{"n":1}']);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout).toMatch(/^batch hello-[0-9a-f]+\n/);
  expect(stdout).toMatch(/^\d\d:\d\d:\d\d\.\d{3} {2}two {2}SUCCESS {2}\d/m);
  const end = stdout.slice(stdout.indexOf("TASK "));
  expect(end.match(/^(one|two|three|beside) +SUCCESS +1 /gm)).toHaveLength(4);
  expect(end).toMatch(/^batch hello-[0-9a-f]+ SUCCESS in /m);
});

test("run --json: one value and nothing else", async () => {
  const place = new Workplace(helloFiles);
  place.write("input.json", '{"n":2}');
  const { code, json, stderr } = await place.baton(["run", "hello", "--input", "@input.json", "--json"]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(json).toMatchObject({ workflowId: "hello", status: "SUCCESS", run: 1, input: { n: 2 } });
  expect(json.tasks).toHaveLength(4);
  expect(json.tasks[1]).toEqual({
    taskId: "two",
    status: "SUCCESS",
    skipCause: null,
    reason: null,
    attempts: 1,
    history: [expect.objectContaining({ attempt: 1, outcome: "succeeded", error: null })],
    readyAt: expect.stringMatching(/^\d{4}-.*Z$/),
    startedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    endedAt: expect.stringMatching(/^\d{4}-.*Z$/),
    result: 6,
    error: null,
    key: null,
    waitsFor: [],
    report: expect.objectContaining({ task: "two", status: "success" }),
  });
});

test("run of a batch that fails: exit 1, the error on one line and harmless to a terminal", async () => {
  const place = new Workplace(helloFiles);
  const { code, stdout } = await place.baton(["run", "hello", "--input", '{"n":100}']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^two +ERROR +1 .*TASK_FAILED: too large \[2Jfor two$/m);
  expect(stdout).toMatch(/^three +SKIPPED +upstream_failed +0/m);
  expect(stdout).toMatch(/^beside +SUCCESS/m);
});

test("a second run with the same key runs nothing", async () => {
  const place = new Workplace(helloFiles);
  const parameters = ["run", "hello", "--input", '{"n":1}', "--key", "monday"];
  const first = await place.baton([...parameters, "--json"]);
  const second = await place.baton([...parameters, "--json"]);
  expect(second.json).toEqual(first.json);
  const third = await place.baton(parameters);
  expect(third.stdout).toContain(`batch ${first.json.batchId} exists already`);
  expect((await place.baton(["batches", "--json"])).json).toHaveLength(1);
});

test("show of a running batch and of a finished one", async () => {
  const place = new Workplace({ "gated.ts": gated });
  const running = place.spawn(["run", "gated"]);
  await running.saysOut("wait  PROCESSING");
  const batchId = /^batch (\S+)/.exec(running.stdout)?.[1] ?? "";
  const during = await place.baton(["show", batchId]);
  expect(during.code).toBe(0);
  expect(during.stdout).toMatch(/^batch gated-\S+ RUNNING\n/);
  expect(during.stdout).toMatch(/^wait +PROCESSING +1 +\d/m);
  expect(during.stdout).toMatch(/^after +NEW +0$/m);
  place.write("gate", "");
  expect((await running.ended).code).toBe(0);
  const { json } = await place.baton(["show", batchId, "--json"]);
  expect(json).toMatchObject({ batchId, status: "SUCCESS", lineageId: batchId, startedBy: "manual" });
  expect(json.tasks[0]).toMatchObject({ taskId: "wait", status: "SUCCESS", result: 1 });
});

test("run --detach leaves the work to a server", async () => {
  const place = new Workplace(helloFiles);
  const detached = await place.baton(["run", "hello", "--input", '{"n":1}', "--detach", "--json"]);
  expect(detached.json).toMatchObject({
    status: "RUNNING",
    tasks: [{ taskId: "one", status: "NEW" }, {}, {}, {}],
  });
  await place.server();
  await until(
    async () => (await place.baton(["show", detached.json.batchId, "--json"])).json.status === "SUCCESS",
  );
});

test("retry runs the failed tasks with corrected code, and inherits the successes", async () => {
  const place = new Workplace(helloFiles);
  const failed = await place.baton(["run", "hello", "--input", '{"n":100}', "--json"]);
  const again = await place.baton(["retry", failed.json.batchId]);
  expect(again.code).toBe(1);
  place.write("workflows/hello.ts", helloFiles["hello.ts"].replace("n > 100", "n > 1000"));
  const secondId = /^batch (\S+)/.exec(again.stdout)?.[1] ?? "";
  const { code, json } = await place.baton(["retry", secondId, "--json"]);
  expect(code).toBe(0);
  expect(json).toMatchObject({ status: "SUCCESS", run: 3, lineageId: failed.json.batchId });
  expect(Object.fromEntries(json.tasks.map((task) => [task.taskId, task]))).toMatchObject({
    one: { status: "SUCCESS", reason: "inherited", attempts: 0 },
    beside: { status: "SUCCESS", reason: "inherited" },
    two: { status: "SUCCESS", reason: null, result: 202 },
    three: { status: "SUCCESS" },
  });
  const refused = await place.baton(["retry", json.batchId]);
  expect(refused.code).toBe(1);
  expect(refused.stderr).toMatch(/^error BATCH_SUCCEEDED: /);
});

test("run: a number in the input that would be changed is refused, naming where it is and what to do", async () => {
  const place = new Workplace(helloFiles);
  const input = '{"n":1,"order":{"ids":[1,7615917337495251231]}}';
  const { code, json, stderr } = await place.baton(["run", "hello", "--input", input, "--json"]);
  expect(code).toBe(2);
  const message = /7615917337495251231 would become 7615917337495251000 .*input\.order\.ids\[1\]/;
  expect(json).toMatchObject({
    error: {
      code: "NUMBER_NOT_EXACT",
      message: expect.stringMatching(message),
      remedy: expect.stringContaining("as a string, in quotes"),
    },
  });
  expect(stderr).toContain("what to do: Send the number as a string");
});

test.each([
  ['{"order":{"id":1,"id":2}}', "KEY_REPEATED", /"id" twice .*input\.order\.id/],
  [
    `${"[".repeat(50_000)}0.12345678901234567${"]".repeat(50_000)}`,
    "USAGE",
    /--input .*deeper than 200 levels/,
  ],
])("run: an input that would not be stored as it is written is refused", async (input, code, message) => {
  const place = new Workplace(helloFiles);
  const refused = await place.baton(["run", "hello", "--input", input, "--json"]);
  expect(refused.code).toBe(2);
  expect(refused.json).toMatchObject({ error: { code, message: expect.stringMatching(message) } });
});

test("show: what to do about the error of each task, and all of a long one below the table", async () => {
  const long = `first ${"x".repeat(3_000)} last`;
  const place = new Workplace({
    "workflows/failing.ts": `
import { TaskError, workflow } from "baton-dag";
const once = { retry: false } as const;
export default workflow("failing")
  .task("known", () => { throw new TaskError("no rights", { code: "WAREHOUSE_DENIED", retryable: false }); }, once)
  .task("own", () => { throw new TaskError("no luck", { code: "MY_OWN", retryable: false }); }, once)
  .task("long", () => { throw new Error("${long}"); }, once);
`,
  });
  const { json } = await place.baton(["run", "failing", "--json"]);
  const { batchId, tasks } = BatchSchema.parse(json);
  const remedy = expect.stringContaining("roles/bigquery.jobUser");
  expect(tasks.map(({ error }) => error)).toMatchObject([
    { code: "WAREHOUSE_DENIED", message: "no rights", retryable: false, remedy },
    { code: "MY_OWN", message: "no luck", retryable: false, remedy: null },
    {
      code: "TASK_FAILED",
      message: long,
      retryable: true,
      remedy: expect.stringContaining("task's own code"),
    },
  ]);
  const { stdout } = await place.baton(["show", batchId]);
  expect(stdout).toMatch(
    /^known\n {2}at {10}\S+failing\.ts:\d+:\d+\n {2}what to do {2}Grant .*roles\/bigquery\.jobUser/m,
  );
  expect(stdout).toMatch(/^own\n {2}at {10}\S+\n\n/m);
  expect(stdout).toMatch(/^long +ERROR .*TASK_FAILED: first x+ … \(\d+ characters left out\) … x+ last$/m);
  expect(stdout).toMatch(/^long\n {2}failed {6}TASK_FAILED: first x{3000} last\n {2}at .*\n {2}what to do /m);
});
