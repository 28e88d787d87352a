// A worker process that submits the same call a few times, and works until every batch of its own has ended.
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { openEmbedded } from "../../src/app/embedded.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { workflow } from "../../src/index.ts";

const { RUNS_FILE = "", ON_LOCKED = "", NAME = "" } = process.env;

const endedFile = `${RUNS_FILE}.ended`;
const endedSoFar = () => (existsSync(endedFile) ? readFileSync(endedFile, "utf8").split("\n").length - 1 : 0);

const keyed = workflow("keyed").task(
  "work",
  async ({ batchId }) => {
    appendFileSync(RUNS_FILE, `${NAME} ${batchId}\n`);
    // Those that skip find it locked, however late they come.
    while (ON_LOCKED === "skip" && endedSoFar() < 9) await new Promise((resolve) => setTimeout(resolve, 10));
    return { by: NAME };
  },
  { idempotency: { onLocked: ON_LOCKED === "skip" ? "skip" : "wait" } },
);

const app = openEmbedded({
  configuration: readConfiguration({ BATON_LEASE: "10m", BATON_SWEEP: "200ms", ...process.env }),
  logger: createLogger("silent"),
  workflows: [keyed],
});
// Ready; the other is waited for.
process.stdout.write("\n");
await new Promise((resolve) => process.stdin.once("data", resolve));
app.work.start();
const started = await Promise.all(
  Array.from({ length: 5 }, (_, index) =>
    app.engine.start({ kind: "start", workflowId: "keyed", key: `${NAME} ${index}`, input: { same: true } }),
  ),
);
const untilEnded = async ({ batchId }: { readonly batchId: string }) => {
  while ((await app.engine.admin.status(batchId)).status === "RUNNING")
    await new Promise((resolve) => setTimeout(resolve, 10));
  appendFileSync(endedFile, "one\n");
};
await Promise.all(started.map(untilEnded));
const views = await Promise.all(started.map(({ batchId }) => app.engine.admin.show(batchId)));
process.stdout.write(
  JSON.stringify(
    views.map(({ tasks: [task] }) => ({ status: task?.status, reason: task?.reason, result: task?.result })),
  ),
);
// The other may still need this one: the batches are worked on by both.
await new Promise((resolve) => process.stdin.once("data", resolve));
await app.close();
