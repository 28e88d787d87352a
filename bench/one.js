// Runs one workload some times in this process and prints one JSON line with what was measured.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createLogger } from "../dist/src/adapters/pino/logger.js";
import { openEmbedded } from "../dist/src/app/embedded.js";
import { readConfiguration } from "../dist/src/configuration/configuration.js";
import { toWorkflow, workloads } from "./workloads.js";

const [name = "W1", durability = "full", rounds = "9"] = process.argv.slice(2);
const workload = workloads[name];
if (!workload) throw new Error(`There is no workload ${name}`);

const data = mkdtempSync(join(process.env.BENCH_FOLDER ?? tmpdir(), "baton-bench-"));
const app = openEmbedded({
  configuration: readConfiguration({ BATON_DATA: data, BATON_DURABILITY: durability, BATON_SWEEP: "1h" }),
  logger: createLogger("error"),
  workflows: [toWorkflow("bench", workload)],
});
app.work.start();

const tasks = workload.edges.length * workload.batches;
const edges = workload.edges.reduce((sum, [, after]) => sum + after.length, 0) * workload.batches;
const seconds = [];
for (let round = 0; round < Number(rounds); round++) {
  const began = performance.now();
  const unit = app.engine.begin();
  const started = await Promise.all(
    Array.from({ length: workload.batches }, () => app.engine.start({ kind: "start", workflowId: "bench" })),
  );
  for (const { batchId } of started) await ended(batchId);
  await unit.durable();
  seconds.push((performance.now() - began) / 1_000);
}
seconds.sort((one, other) => one - other);
const median = seconds[Math.floor(seconds.length / 2)] ?? Number.NaN;
process.stdout.write(
  `${JSON.stringify({
    workload: name,
    title: workload.title,
    durability,
    tasksPerSecond: Math.round(tasks / median),
    best: Math.round(tasks / (seconds[0] ?? Number.NaN)),
    millisecondsPerEdge: Number(((median * 1_000) / edges).toFixed(4)),
    peakMegabytes: Math.round(process.resourceUsage().maxRSS / 1_024),
  })}\n`,
);
await app.close();
rmSync(data, { recursive: true, force: true });

async function ended(batchId) {
  for (;;) {
    const { status } = await app.engine.admin.status(batchId);
    if (status !== "RUNNING") {
      if (status !== "SUCCESS") throw new Error(`Batch ${batchId} ended ${status}`);
      return;
    }
    await new Promise((resolve) => setImmediate(resolve));
  }
}
