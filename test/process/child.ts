// A worker process that kills itself: at the KILL_AT-th crossing between the engine and its ports, or never.
import { appendFileSync } from "node:fs";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { openEmbedded } from "../../src/app/embedded.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { workflowOf } from "../support/graphs.ts";
import { around, crossings } from "./crossings.ts";
import { shapes } from "./shapes.ts";

const { RUNS_FILE = "", SHAPE = "diamond", KEYS = "only", TASK_MS = "0" } = process.env;
const graph = workflowOf("graph", shapes[SHAPE] ?? [], async ({ batchId, taskId, attempt }) => {
  appendFileSync(RUNS_FILE, `${batchId} ${taskId} ${attempt}\n`);
  await new Promise((resolve) => setTimeout(resolve, Number(TASK_MS)));
  return { attempt };
});

const app = openEmbedded({
  configuration: readConfiguration({ BATON_LEASE: "10m", BATON_SWEEP: "100ms", ...process.env }),
  logger: createLogger("silent"),
  workflows: [graph],
  around,
});
const keys = KEYS.split(",");
const started = await Promise.all(
  keys.map((key) => app.engine.start({ kind: "start", workflowId: "graph", key })),
);
app.work.start();
for (const { batchId } of started)
  while ((await app.engine.admin.status(batchId)).status === "RUNNING")
    await new Promise((resolve) => setTimeout(resolve, 10));
const views = await Promise.all(started.map(({ batchId }) => app.engine.admin.show(batchId)));
process.stdout.write(JSON.stringify({ crossings, views }));
await app.close();
