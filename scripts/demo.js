// The main job on the sample file, in a fresh folder: drop a file into the inbox, wait for its TaskBatch to end.
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { openLocal } from "../dist/src/app/local-server.js";
import { batchLine, taskTable } from "../dist/src/cli/follow-batch.js";

const root = fileURLToPath(new URL("..", import.meta.url)).replace(/\/$/, "");
const data = `${root}/.baton/demo`;
const sample = "sales/sales-2026-10.csv";
const noteAfterMs = 60_000;

rmSync(data, { recursive: true, force: true });
// Variables of a deployment, or of another Baton, do not apply to the demonstration.
for (const variable of Object.keys(process.env))
  if (variable.startsWith("BATON_")) delete process.env[variable];
const environment = { ...process.env, BATON_DATA: data, BATON_WORKFLOWS: `${root}/functions/workflows` };
const { app } = await openLocal(environment, "error");

console.log(`dropping samples/${sample} into ${data}/inbox/sales/ …`);
await app.inbox.start();
app.work.start();
mkdirSync(`${data}/inbox/sales`, { recursive: true });
cpSync(`${root}/samples/${sample}`, `${data}/inbox/${sample}`);

const view = await finishedBatch();
await app.close();
console.log(`\n${taskTable(view)}\n\n${batchLine(view)}`);
console.log(`report: ${view.tasks.find((task) => task.taskId === "report")?.result?.report}`);
process.exitCode = view.status === "SUCCESS" ? 0 : 1;

/** Waits without a limit: a machine may be slow, and Ctrl-C ends it. */
async function finishedBatch() {
  const note = setTimeout(
    () => console.error("still waiting for the batch to end; Ctrl-C ends it"),
    noteAfterMs,
  );
  for (;;) {
    const [batch] = await app.engine.admin.list({ workflowId: "sales-refresh" });
    if (batch && batch.status !== "RUNNING") {
      clearTimeout(note);
      return app.engine.admin.show(batch.batchId);
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
