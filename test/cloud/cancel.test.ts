import { writeFileSync } from "node:fs";
import { expect, onTestFinished, test } from "vitest";
import { runQuery, workflow } from "../../src/index.ts";
import { temporaryFolder } from "../support/app.ts";
import { FunctionProcess, freePort } from "./function-process.ts";
import { cloudInProcess } from "./in-process.ts";
import { startCloud } from "./world.ts";

/** A worker learns of a cancel by its heartbeat, of which a lease has six. */
const lease = "30s";
const query = runQuery({ sql: "SELECT 1 AS one", into: "ones" });
const plain = workflow("plain").task("query", query);
const keyed = workflow("keyed").task("query", query, { idempotency: { key: { fields: ["into"] } } });

test.each([plain, keyed])("cancelling a batch cancels the job that its task has started", async (built) => {
  const { app, bigQuery } = await cloudInProcess([built], { bigQuery: true, lease });
  bigQuery?.holdJobs();
  const { batchId } = await app.engine.start({ kind: "start", workflowId: built.id });
  await expect.poll(() => bigQuery?.jobs().length).toBe(1);
  await app.engine.cancel(batchId);
  expect(await app.engine.admin.status(batchId)).toMatchObject({ status: "CANCELLED" });
  await expect.poll(() => JSON.stringify(bigQuery?.jobs())).toContain("stopped");
  bigQuery?.releaseJobs();
});

test("a job that starts while its batch is being cancelled is cancelled too", async () => {
  const { app, bigQuery } = await cloudInProcess([plain], { bigQuery: true, lease });
  bigQuery?.holdJobs();
  // The first is a dry run; the second is under way when the cancel looks for what there is.
  let inserts = 0;
  bigQuery?.setFaults(({ method }) => {
    if (!method.startsWith("POST") || !method.endsWith("/jobs")) return undefined;
    inserts += 1;
    return inserts === 2 ? { kind: "slow", delayMs: 1_500 } : undefined;
  });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "plain" });
  await expect.poll(() => inserts).toBe(2);
  expect(bigQuery?.jobs()).toEqual([]);
  await app.engine.cancel(batchId);
  await expect.poll(() => JSON.stringify(bigQuery?.jobs())).toContain("stopped");
  bigQuery?.releaseJobs();
});

test("a job that another call of the key has taken up is left alone", async () => {
  const { app, bigQuery } = await cloudInProcess([keyed], { bigQuery: true, lease });
  bigQuery?.holdJobs();
  const first = await app.engine.start({ kind: "start", workflowId: "keyed", key: "1" });
  await expect.poll(() => bigQuery?.jobs().length).toBe(1);
  // It has the key, and waits for the job of the first.
  const second = await app.engine.start({ kind: "start", workflowId: "keyed", key: "2" });
  await app.engine.cancel(first.batchId);
  bigQuery?.releaseJobs();
  await expect.poll(async () => (await app.engine.admin.status(second.batchId)).status).toBe("SUCCESS");
});

const plainAsData = `
workflow: plain
tasks:
  - id: query
    type: runQuery
    with: { sql: SELECT 1 AS one, into: ones }
`;

test("a job that a worker started after the cancel had looked, before it died, is cancelled too", async () => {
  const port = await freePort();
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}`, lease, bigQuery: true });
  onTestFinished(() => cloud.close());
  const { bigQuery } = cloud;
  if (!bigQuery) throw new Error("It is asked for");
  const folder = temporaryFolder();
  writeFileSync(`${folder}/plain.yaml`, plainAsData);
  const environment = { ...cloud.environment, BATON_DATA: folder, BATON_WORKFLOWS: folder };
  const fn = new FunctionProcess(port, { ...environment, BATON_LOG_LEVEL: "warn" });
  onTestFinished(() => fn.kill());
  await fn.start();
  bigQuery.holdJobs();
  // The first is a dry run; the second has left the worker when it dies, and is applied afterwards.
  let inserts = 0;
  bigQuery.setFaults(({ method }) => {
    if (!method.startsWith("POST") || !method.endsWith("/jobs")) return undefined;
    inserts += 1;
    return inserts === 2 ? { kind: "slow", delayMs: 3_000 } : undefined;
  });
  const app = cloud.open([plain]);
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "plain" });
  await expect.poll(() => inserts).toBe(2);
  await app.engine.cancel(batchId);
  await fn.kill();
  await expect.poll(() => bigQuery.jobs()).toHaveLength(1);
  await fn.start();
  await expect.poll(() => JSON.stringify(bigQuery.jobs())).toContain("stopped");
  bigQuery.releaseJobs();
});
