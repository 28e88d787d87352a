// The main job on the sample file, in a fresh folder: drop a file into the inbox, wait for its TaskBatch to end.
import { once } from "node:events";
import { cpSync, mkdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { ownEnvironment, project, run, start } from "./command.js";

const data = join(project, ".baton/demo");
const sample = "sales/sales-2026-10.csv";
const noteAfterMs = 60_000;
const environment = ownEnvironment({ BATON_DATA: data, BATON_LOG_LEVEL: "error" });

rmSync(data, { recursive: true, force: true });
const server = start("baton", ["start", "--port", "0", "--json"], { environment, stdout: "pipe" });
const ended = once(server, "exit");
try {
  await Promise.race([once(server.stdout, "data"), ended.then(() => Promise.reject(new Error("no server")))]);
  console.log(`dropping data/${sample} into ${data}/inbox/sales/ …`);
  mkdirSync(join(data, "inbox/sales"), { recursive: true });
  cpSync(join(project, "data", sample), join(data, "inbox", sample));
  const batchId = await finishedBatch();
  await run("baton", ["show", batchId], { environment, stdout: "inherit" });
  const { status, tasks } = JSON.parse(
    await run("baton", ["show", batchId, "--json"], { environment, stdout: "pipe" }),
  );
  console.log(`report: ${tasks.find(({ taskId }) => taskId === "report")?.result?.report}`);
  process.exitCode = status === "SUCCESS" ? 0 : 1;
} finally {
  server.kill("SIGTERM");
  await ended;
}

/** Waits without a limit: a machine may be slow, and Ctrl-C ends it. */
async function finishedBatch() {
  const note = setTimeout(
    () => console.error("still waiting for the batch to end; Ctrl-C ends it"),
    noteAfterMs,
  );
  for (;;) {
    const list = await run("baton", ["batches", "--json"], { environment, stdout: "pipe" });
    const [batch] = JSON.parse(list);
    if (batch && batch.status !== "RUNNING") {
      clearTimeout(note);
      return batch.batchId;
    }
    await delay(200);
  }
}
