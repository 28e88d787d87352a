// Measures a workload on openworkflow with its SQLite backend, whose commits are synced (SQLite's default). A task is a
// step; steps of one layer run at once. The worker's rounds are called directly, so that its pauses between two polls,
// of up to a second, do not count.
import { join } from "node:path";
import { setImmediate } from "node:timers/promises";
import { parseArgs } from "node:util";
import { OpenWorkflow } from "openworkflow";
import { BackendSqlite } from "openworkflow/sqlite";
import { temporaryFolder } from "../machine.js";
import { measureRounds } from "../rounds.js";
import { workloadNamed } from "../workloads.js";

const { values } = parseArgs({
  options: { workload: { type: "string" }, rounds: { type: "string" }, "warm-up": { type: "string" } },
});
/** It ends a run with more steps as an error. */
const mostSteps = 1_000;
const named = workloadNamed(values.workload);
const workload = named.tasks.length > mostSteps ? workloadNamed(`fan:${mostSteps - 2}`) : named;
const layers = layersOf(workload.tasks);

const backend = BackendSqlite.connect(join(temporaryFolder(), "openworkflow.sqlite"));
const client = new OpenWorkflow({ backend });
const workflow = client.defineWorkflow({ name: "bench" }, async ({ step }) => {
  for (const layer of layers) await Promise.all(layer.map((name) => step.run({ name }, () => null)));
});
const worker = client.newWorker({ concurrency: 50 });
const measured = await measureRounds({
  run: runBatches,
  tasks: workload.tasks.length * workload.batches,
  rounds: Number(values.rounds),
  warmUpSeconds: Number(values["warm-up"]),
});
await backend.stop();
console.log(JSON.stringify(measured));

async function runBatches() {
  const handles = await Promise.all(Array.from({ length: workload.batches }, () => workflow.run()));
  const ids = handles.map(({ workflowRun }) => workflowRun.id);
  for (let claimed = 0; claimed < ids.length; ) {
    claimed += await worker.tick();
    await setImmediate();
  }
  for (const workflowRunId of ids)
    for (;;) {
      const { status, error } = await backend.getWorkflowRun({ workflowRunId });
      if (status === "completed" || status === "succeeded") break;
      if (error) throw new Error(`The run ended ${status}: ${JSON.stringify(error)}`);
      await setImmediate();
    }
}

/** Tasks by the length of the longest path to them. */
function layersOf(tasks) {
  const depths = new Map();
  const found = [];
  for (const [id, after] of tasks) {
    const depth = Math.max(-1, ...after.map((parent) => depths.get(parent))) + 1;
    depths.set(id, depth);
    found[depth] = [...(found[depth] ?? []), id];
  }
  return found;
}
