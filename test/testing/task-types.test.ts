import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { defineTaskType, workflow } from "baton-dag";
import { chaos, readWorkflow, testWorkflow } from "baton-dag/testing";
import { expect, test } from "vitest";
import * as z from "zod";
import { temporaryFolder } from "../support/app.ts";

const charge = defineTaskType({
  type: "charge",
  summary: "Charges an account",
  parameters: z.strictObject({ account: z.string().min(1), cents: z.int().positive() }),
  async run({ services, idempotencyKey, signal }, { account, cents }) {
    const { status } = await services.http.request({
      url: "https://pay.example/charges",
      method: "POST",
      headers: { "idempotency-key": idempotencyKey },
      body: JSON.stringify({ account, cents }),
      timeoutSeconds: 10,
      maxResponseBytes: 1_000,
      signal,
    });
    return { status, cents };
  },
});

const order = workflow("order", { input: z.object({ account: z.string(), cents: z.number() }) })
  .task("charge", charge({ account: "{{ input.account }}", cents: "{{ input.cents }}" }))
  .task("report", async ({ parent }) => (await parent("charge")).cents * 2, { after: ["charge"] });

const pay = () => ({ status: 201, body: "{}" });

test("a test runs a task type of one's own, with typed results", async () => {
  const run = await testWorkflow(order, { http: pay }).run({ input: { account: "A1", cents: 250 } });
  const doubled: number = run.result("report");
  expect(doubled).toBe(500);
  expect(run.calls).toMatchObject([{ service: "http" }]);
});

test("a mock replaces such a task", async () => {
  const mocked = testWorkflow(order).mock("charge", () => ({ status: 200, cents: 4 }));
  expect((await mocked.run({ input: { account: "A1", cents: 250 } })).result("report")).toBe(8);
});

test("its parameters are checked when the workflow is written, and when placeholders are filled in", async () => {
  expect(() => charge({ account: "", cents: 1.5 })).toThrow(/account[\s\S]*cents|cents[\s\S]*account/);
  const run = await testWorkflow(order, { http: pay }).run({ input: { account: "A1", cents: -1 } });
  expect(run.tasks.charge.error).toMatchObject({ code: "TASK_PARAMETERS_INVALID" });
});

test("a workflow in YAML takes the types that the test gives", async () => {
  const file = join(temporaryFolder(), "order.yaml");
  const yaml = "workflow: order\ntasks:\n  - { id: charge, type: charge, with: { account: A2, cents: 7 } }\n";
  writeFileSync(file, yaml);
  await expect(readWorkflow(file)).rejects.toThrow('no task type "charge"');
  const read = await readWorkflow(file, { taskTypes: [charge] });
  const run = await testWorkflow(read, { http: pay }).run();
  expect(run.result("charge")).toEqual({ status: 201, cents: 7 });
});

test("chaos watches the code of such a type", async () => {
  const careless = defineTaskType({
    type: "careless",
    parameters: z.strictObject({ text: z.string() }),
    run: ({ attempt }, { text }) => `${text} ${attempt}`,
  });
  const twice = workflow("twice").task("say", careless({ text: "hello" }));
  const { findings } = await chaos(twice, { schedules: 40, seed: 3 });
  expect(findings.map(({ taskId }) => taskId)).toContain("say");
});
