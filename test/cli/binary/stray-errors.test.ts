import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import { until, Workplace } from "../../support/command.ts";
import { gated } from "../../support/command-workflows.ts";

const stray = `import { setTimeout as sleep } from "node:timers/promises";
import { existsSync, writeFileSync } from "node:fs";
import { workflow } from "baton-dag";
const once = { retry: false };
const handled = async () => {
  const failed = Promise.reject(new Error("early"));
  await sleep(20);
  return failed.catch((error) => error.message);
};
export const rejects = workflow("rejects").task("t", async () => {
  void Promise.reject(new Error("forgotten"));
  await sleep(20);
  return "fine";
}, once);
export const late = workflow("late").task("t", handled, once);
export const throws = workflow("throws").task("t", () => new Promise(() => {
  setTimeout(() => { throw new Error("thrown"); }, 10);
}), once);
export const after = workflow("after").task("t", () => {
  setTimeout(() => { throw new Error("too late"); }, 50);
  setTimeout(() => writeFileSync("after", ""), 100);
  return "done";
}, once);
export const waits = workflow("waits").task("t", async ({ step }) => {
  void Promise.reject(new Error("before the wait"));
  await sleep(20);
  await step.sleep("nap", "1ms");
}, once);
`;

const uncaught = (text: string) => ({
  status: "ERROR",
  error: {
    code: "TASK_ERROR_UNCAUGHT",
    message: expect.stringContaining(text),
    retryable: true,
    place: expect.stringMatching(/stray\.ts:\d+:\d+$/),
  },
});

const warned = (result: unknown, warnings: readonly string[]) => ({
  status: "SUCCESS",
  result,
  report: expect.objectContaining({ warnings }),
});

test.each([
  ["rejects", warned("fine", ["A promise that the task does not await was rejected: forgotten"])],
  ["throws", uncaught("thrown")],
  ["waits", warned(null, ["A promise that the task does not await was rejected: before the wait"])],
  ["late", warned("early", [])],
])("an error that a task neither awaits nor catches fails only that task: %s", async (name, task) => {
  const place = new Workplace({ "stray.ts": stray });
  const { code, json, stderr } = await place.process(["run", name, "--json"]);
  expect(json.tasks[0]).toMatchObject(task);
  expect(code).toBe(task.status === "SUCCESS" ? 0 : 1);
  expect(stderr).toBe("");
});

test("a server continues other tasks, and logs the late errors of a task that has ended", async () => {
  const place = new Workplace({ "stray.ts": stray, "gated.ts": gated });
  const server = await place.server();
  const other = await place.baton(["run", "gated", "--detach", "--json"]);
  await until(() => existsSync(place.path("seen")));
  for (const [name, status] of [
    ["rejects", "SUCCESS"],
    ["throws", "ERROR"],
  ] as const) {
    const { json } = await place.baton(["run", name, "--detach", "--json"]);
    await until(async () => (await place.baton(["show", json.batchId, "--json"])).json.status === status);
  }
  const ended = await place.baton(["run", "after", "--detach", "--json"]);
  await server.saysError(`(task t of ${ended.json.batchId}, which has ended): too late`);
  place.write("gate", "");
  await until(
    async () => (await place.baton(["show", other.json.batchId, "--json"])).json.status === "SUCCESS",
  );
  expect((await place.baton(["show", other.json.batchId, "--json"])).json.tasks[0]).toMatchObject({
    attempts: 1,
  });
  server.signal("SIGTERM");
  expect((await server.ended).code).toBe(0);
});

const helper = `import { existsSync } from "node:fs";
setInterval(() => {
  if (existsSync("reject")) void Promise.reject(new Error("of no task"));
  if (existsSync("throw")) throw new Error("of no task");
}, 20);
export {};
`;

test("an exception of unknown origin: the server releases its tasks, says why, and ends with 1", async () => {
  const place = new Workplace(
    { "gated.ts": `import "./lib/helper.ts";\n${gated}`, "lib/helper.ts": helper },
    { BATON_LEASE: "10m" },
  );
  const server = await place.server();
  const { json } = await place.baton(["run", "gated", "--detach", "--json"]);
  await until(() => existsSync(place.path("seen")));
  place.write("reject", "");
  await server.saysError("warning: an error that nothing awaits or catches: of no task");
  place.write("throw", "");
  const { code, stderr } = await server.ended;
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error STRAY_EXCEPTION: .*of no task$/m);
  expect(stderr).toMatch(/^what to do: /m);
  const between = await place.baton(["show", json.batchId, "--json"]);
  expect(between.json.tasks[0]).toMatchObject({ status: "WAITING", reason: "released", attempts: 1 });
});
