// A worker process with one task that has a key, steps, a wait and a callback, and that kills itself like child.ts.
import { appendFileSync } from "node:fs";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { openEmbedded } from "../../src/app/embedded.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { workflow } from "../../src/index.ts";
import { around, crossings } from "./crossings.ts";

const { RUNS_FILE = "", CALLBACK_URL = "" } = process.env;
const note = (line: string) => appendFileSync(RUNS_FILE, `${line}\n`);

const keyed = workflow("keyed").task(
  "work",
  async ({ step }) => {
    const first = await step("first", () => {
      note("first");
      return { value: 1 };
    });
    await step.sleep("rest", "20ms");
    const second = await step("second", () => {
      note("second");
      return { value: first.value + 1 };
    });
    note("end");
    return { result: { sum: second.value }, summary: { done: true } };
  },
  { idempotency: true, callback: { url: CALLBACK_URL } },
);

const app = openEmbedded({
  configuration: readConfiguration({
    BATON_LEASE: "10m",
    BATON_SWEEP: "400ms",
    BATON_HTTP_ALLOW_PRIVATE: "true",
    ...process.env,
  }),
  logger: createLogger("silent"),
  workflows: [keyed],
  around,
});
// Two batches of the same call: one does the work.
const started = await Promise.all(
  ["a", "b"].map((key) =>
    app.engine.start({ kind: "start", workflowId: "keyed", key, input: { same: true } }),
  ),
);
app.work.start();
for (const { batchId } of started)
  while ((await app.engine.admin.status(batchId)).status === "RUNNING")
    await new Promise((resolve) => setTimeout(resolve, 10));
const views = await Promise.all(started.map(({ batchId }) => app.engine.admin.show(batchId)));
const key = views[0]?.tasks[0]?.key ?? "";
const delivered = async () =>
  (await app.engine.admin.executions.explain(key)).callbacks.every(({ state }) => state === "DELIVERED");
while (!(await delivered())) await new Promise((resolve) => setTimeout(resolve, 10));
const { execution, steps, callbacks } = await app.engine.admin.executions.explain(key);
process.stdout.write(JSON.stringify({ crossings, views, execution, steps, callbacks }));
await app.close();
