import { expect, test } from "vitest";
import { createHttpHandler } from "../../src/entry/http-handler.ts";
import { TaskError, workflow } from "../../src/index.ts";
import { statuses, testApp, untilEnded } from "../support/app.ts";
import { seeded } from "../support/chaos.ts";
import { type Edges, workflowOf } from "../support/graphs.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

/** a waits; b and d come after it, d also after x; then the end. */
function slowStart() {
  const ran: string[] = [];
  const app = testApp({
    workflows: [
      workflow("flow")
        .task("a", (task) => task.waitForCompletion("1h"))
        .task("x", () => void ran.push("x"))
        .task("b", () => void ran.push("b"), { after: ["a"] })
        .task("d", () => void ran.push("d"), { after: ["a", "x"] })
        .task("e", () => void ran.push("e"), { after: ["a", "x"], rule: "all_ended" }),
    ],
  });
  const handler = createHttpHandler(app.deliveries, silent);
  const post = (body: object) =>
    handler({
      method: "POST",
      path: "/",
      headers: { "content-type": "application/json" },
      body: Buffer.from(JSON.stringify(body)),
    });
  return { app, ran, post };
}

test("no outside sender can run a task before its turn, or end a batch, whatever the message says", async () => {
  const { app, ran, post } = slowStart();
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  await expect.poll(() => ran).toEqual(["x"]);
  await expect.poll(async () => (await app.engine.admin.show(batchId)).tasks[0]?.status).toBe("WAITING");
  for (const taskId of ["b", "d", "e", "$end"])
    for (const claimed of [
      {},
      { ready: true },
      { redrive: true },
      { ending: { status: "SUCCESS", reason: null } },
    ])
      expect((await post({ batchId, taskId, ...claimed })).status).toBe(200);
  await post({ batchId, taskId: "b", previousTaskId: "x" });
  expect(ran).toEqual(["x"]);
  expect((await app.engine.admin.show(batchId)).status).toBe("RUNNING");
  await post({ batchId, taskId: "a", previousTaskId: "a", completion: { result: 1 } });
  const view = await untilEnded(app, batchId);
  expect(view.status).toBe("SUCCESS");
  expect(ran.sort()).toEqual(["b", "d", "e", "x"]);
});

test("a task whose message is posted by hand when its turn has come does run", async () => {
  const flow = workflow("flow")
    .task("a", () => 1)
    .task("b", () => 2, { after: ["a"] });
  const app = testApp({ workflows: [flow], environment: { BATON_SWEEP: "1h" } });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  for (const taskId of ["b", "a", "b"])
    await app.deliveries.deliver({ message: { kind: "task", batchId, taskId }, deliveryAttempt: 1 });
  expect(statuses(await app.engine.admin.show(batchId))).toEqual({ a: "SUCCESS", b: "SUCCESS" });
});

test("a storm of messages for tasks of a running batch changes nothing", async () => {
  const names = (prefix: string) => Array.from({ length: 8 }, (_, index) => `${prefix}${index}`);
  const layers = [names("a"), names("b"), names("c")];
  const edges: Edges = [
    ["first", []],
    ["bad", ["first"]],
    ...layers.flatMap((layer, index) =>
      layer.map((id): [string, readonly string[]] => [id, layers[index - 1] ?? ["first"]]),
    ),
  ];
  const runs: string[] = [];
  const flow = workflowOf("flow", edges, ({ taskId }) => {
    if (taskId === "bad") throw new TaskError("no", { retryable: false });
    runs.push(taskId);
    return null;
  });
  const app = testApp({ workflows: [flow] });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "flow" });
  app.work.start();
  const random = seeded(7);
  const ids = edges.map(([taskId]) => taskId);
  for (let n = 0; n < 1_000; n++) {
    const taskId = ids[Math.floor(random() * ids.length)] ?? "";
    const message = {
      kind: "task",
      batchId,
      taskId,
      ...(random() < 0.5 && { previousTaskId: taskId }),
    } as const;
    void app.deliveries.deliver({ message, deliveryAttempt: 1 });
    if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
  const view = await untilEnded(app, batchId);
  expect(view.status).toBe("ERROR");
  expect(runs.sort()).toEqual(["first", ...layers.flat()].sort());
});
