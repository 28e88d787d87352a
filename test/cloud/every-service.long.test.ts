import { createServer } from "node:http";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { App } from "../../src/app/app.ts";
import { startDataformServer } from "../servers/dataform/server.ts";
import { randomFaults } from "../servers/kit/faults.ts";
import { startPowerBiServer } from "../servers/power-bi/server.ts";
import { temporaryFolder } from "../support/app.ts";
import { seeded } from "../support/chaos.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { FunctionProcess, freePort } from "./function-process.ts";
import { inboxBucket, startCloud } from "./world.ts";

const rows = Array.from({ length: 500 }, (_, index) => `O-${index},2026-10-${10 + (index % 20)} 10:00:00,3`);
const ordersFile = Buffer.from(`order_id,ordered_at,quantity\n${rows.join("\n")}\n`);
const powerBi = { workspace: "w-1", dataset: "d-1" };

/** The function with workflows that use every service, and the services. */
async function deployedFunction(environment: Record<string, string> = {}) {
  const port = await freePort();
  const cloud = await startCloud({
    pushUrl: `http://127.0.0.1:${port}`,
    queues: ["documents", "websites", "notifications"],
    bigQuery: true,
    variables: { BATON_WORKFLOWS: fileURLToPath(new URL("workflows", import.meta.url)) },
  });
  onTestFinished(() => cloud.close());
  const fn = new FunctionProcess(port, {
    ...cloud.environment,
    BATON_DATA: temporaryFolder(),
    BATON_LOG_LEVEL: "warn",
    ...environment,
  });
  onTestFinished(() => fn.kill());
  await fn.start();
  return { cloud, fn, app: cloud.open() };
}

async function dataformAndPowerBi(): Promise<Record<string, string>> {
  const ending = { afterPolls: 0 };
  const dataform = await startDataformServer({ ending: { ...ending, state: "SUCCEEDED" } });
  const principal = { tenantId: "t-1", clientId: "c-1", clientSecret: "very secret" };
  const service = await startPowerBiServer({
    ...powerBi,
    principal,
    ending: { ...ending, status: "Completed" },
  });
  onTestFinished(async () => {
    await dataform.close();
    await service.close();
  });
  return {
    BATON_DATAFORM_ENDPOINT: dataform.url,
    BATON_POWERBI_TENANT_ID: principal.tenantId,
    BATON_POWERBI_CLIENT_ID: principal.clientId,
    BATON_POWERBI_CLIENT_SECRET: principal.clientSecret,
    BATON_POWERBI_ENDPOINT: service.url,
    BATON_POWERBI_AUTHORITY: service.url,
    TEST_DATAFORM_REPOSITORY: "projects/p/locations/l/repositories/r",
    TEST_POWERBI_DATASET: powerBi.dataset,
  };
}

/** Sweeps as Cloud Scheduler does until `count` batches have succeeded. Returns their workflows. */
async function succeeded(app: App, count: number): Promise<string[]> {
  for (let look = 1; ; look += 1) {
    const batches = await app.engine.admin.list({}).catch(() => []);
    const open = batches.filter(({ status }) => status === "RUNNING");
    if (batches.length >= count && open.length === 0) {
      const failed = batches.filter(({ status }) => status !== "SUCCESS");
      if (failed.length > 0) throw new Error(JSON.stringify(await describe(app, failed), null, 1));
      return batches.map(({ workflowId }) => workflowId).sort();
    }
    if (look > 600) throw new Error(`Still open: ${JSON.stringify(await describe(app, open))}`);
    if (look % 10 === 0) await app.engine.sweep().catch(() => undefined);
    await new Promise((resolve) => setTimeout(resolve, 300));
  }
}

async function describe(app: App, batches: readonly { readonly batchId: string }[]) {
  return Promise.all(batches.map(({ batchId }) => app.engine.admin.show(batchId)));
}

test("a dropped file is loaded, summarised, reported and archived, by BigQuery alone", async () => {
  const { cloud, app } = await deployedFunction();
  cloud.storage.put(inboxBucket, "orders/october.csv", ordersFile);
  expect(await succeeded(app, 1)).toEqual(["orders"]);
  const names = cloud.storage.objects(inboxBucket).map(({ name }) => name);
  expect(names).toEqual(["archive/orders/october.csv"]);
  expect(cloud.storage.content("gs://test-bucket/reports/orders.html").toString()).toContain(
    "Orders per day",
  );
});

test("with Dataform and Power BI, messages doubled and out of order, it ends right and refreshes once", async () => {
  const { cloud, app, fn } = await deployedFunction(await dataformAndPowerBi());
  cloud.pubsub.setDelivery({ duplicateShare: 1, reorder: true });
  cloud.storage.put(inboxBucket, "orders/october.csv", ordersFile);
  expect(await succeeded(app, 1)).toEqual(["orders"]);
  const [batch] = await app.engine.admin.list({});
  const { tasks } = await app.engine.admin.show(batch?.batchId ?? "");
  expect(tasks.map(({ taskId, status, attempts }) => [taskId, status, attempts])).toEqual([
    ["load", "SUCCESS", 1],
    ["summarise", "SUCCESS", 1],
    ["report", "SUCCESS", 1],
    ["archive", "SUCCESS", 1],
  ]);
  expect(fn.output).not.toContain("very secret");
});

/** A website of one page. Closed with the test. */
async function website(): Promise<string> {
  const server = createServer((_, response) => response.end("<p>Hello</p>"));
  await new Promise<void>((resolve) => void server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("The server has no port");
  return `http://127.0.0.1:${address.port}/`;
}

test("with 2 % of all calls failing, and the function killed every second, every workflow ends right", async () => {
  const { cloud, app, fn } = await deployedFunction(await dataformAndPowerBi());
  const url = await website();
  const receiver = await callbackReceiver();
  for (const name of ["notes.txt", "plan.txt"])
    cloud.storage.put(inboxBucket, name, Buffer.from(`${name} text`));
  const start = (workflowId: string, input: Record<string, unknown>, key: string) =>
    app.engine.start({ kind: "start", workflowId, input: JSON.parse(JSON.stringify(input)), key });
  await start("digest", { file: "notes.txt" }, "e2e 1");
  await start("digest", { file: "plan.txt" }, "e2e 2");
  await start("page", { url, callback_url: receiver.url }, "e2e");
  await start("notice", { url: receiver.url, message: "hello" }, "e2e");
  await start("mixed", { n: 1 }, "e2e");
  await start("keyed", { n: 1 }, "e2e");
  cloud.storage.put(inboxBucket, "orders/october.csv", ordersFile);
  cloud.setFaults(randomFaults(0.02, 3));
  const random = seeded(9);
  for (let kill = 0; kill < 6; kill += 1) {
    await new Promise((resolve) => setTimeout(resolve, 700 + random() * 800));
    await fn.kill();
    cloud.passLeases();
    await fn.start();
  }
  expect(await succeeded(app, 7)).toHaveLength(7);
  expect(receiver.received.some(({ body }) => body.includes("task.completed"))).toBe(true);
});
