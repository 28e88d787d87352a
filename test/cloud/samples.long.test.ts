import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import type { App } from "../../src/app/app.ts";
import { sampleSite } from "../samples/sample-site.ts";
import { startDataformServer } from "../servers/dataform/server.ts";
import { randomFaults } from "../servers/kit/faults.ts";
import { startPowerBiServer } from "../servers/power-bi/server.ts";
import { temporaryFolder } from "../support/app.ts";
import { seeded } from "../support/chaos.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { FunctionProcess, freePort } from "./function-process.ts";
import { inboxBucket, startCloud } from "./world.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const salesFile = readFileSync(`${root}samples/sales/sales-2026-10.csv`);
const powerBi = { workspace: "w-1", dataset: "d-1" };

/** The function with the workflows of this repository, and every service that they use. */
async function deployedSamples(environment: Record<string, string> = {}) {
  const port = await freePort();
  const cloud = await startCloud({
    pushUrl: `http://127.0.0.1:${port}`,
    queues: ["documents", "websites", "notifications"],
    bigQuery: true,
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
    BATON_SAMPLE_DATAFORM_REPOSITORY: "projects/p/locations/l/repositories/r",
    BATON_SAMPLE_POWERBI_WORKSPACE: powerBi.workspace,
    BATON_SAMPLE_POWERBI_DATASET: powerBi.dataset,
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
  const { cloud, app } = await deployedSamples();
  cloud.storage.put(inboxBucket, "sales/october.csv", salesFile);
  expect(await succeeded(app, 1)).toEqual(["sales-refresh"]);
  const names = cloud.storage.objects(inboxBucket).map(({ name }) => name);
  expect(names).toEqual(["archive/sales/october.csv"]);
  expect(cloud.storage.content("gs://test-bucket/reports/sales.html").toString()).toContain("Sales per day");
});

test("with Dataform and Power BI, messages doubled and out of order, it ends right and refreshes once", async () => {
  const { cloud, app, fn } = await deployedSamples(await dataformAndPowerBi());
  cloud.pubsub.setDelivery({ duplicateShare: 1, reorder: true });
  cloud.storage.put(inboxBucket, "sales/october.csv", salesFile);
  expect(await succeeded(app, 1)).toEqual(["sales-refresh"]);
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

test("with 2 % of all calls failing, and the function killed every second, every sample ends right", async () => {
  const { cloud, app, fn } = await deployedSamples(await dataformAndPowerBi());
  const site = await sampleSite();
  const receiver = await callbackReceiver();
  const put = (name: string, path: string) =>
    cloud.storage.put(inboxBucket, name, readFileSync(`${root}samples/${path}`));
  put("contributions/contributions.ndjson", "contributions/contributions.ndjson");
  put("notes.txt", "documents/tasting-notes.txt");
  put("espresso.txt", "search/espresso-basics.txt");
  const start = (workflowId: string, input: Record<string, unknown>) =>
    app.engine.start({ kind: "start", workflowId, input: JSON.parse(JSON.stringify(input)), key: "e2e" });
  await start("greet", { name: "Ada" });
  await start("contributions-analysis", { date: "2026-10-05" });
  await start("process_document", { document_id: "d1", file: "notes.txt" });
  await start("search-index", { document_id: "s1", file: "espresso.txt" });
  await start("scrape_website", { url: `${site.url}/` });
  await start("send_notification", { url: receiver.url, recipient: "ops", message: "hello" });
  await start("account-enrichment", {
    job_id: "j1",
    account_id: "a1",
    website: `${site.url}/companies/keel-and-anvil.html`,
    callback_url: receiver.url,
  });
  cloud.storage.put(inboxBucket, "sales/october.csv", salesFile);
  cloud.setFaults(randomFaults(0.02, 3));
  const random = seeded(9);
  for (let kill = 0; kill < 6; kill += 1) {
    await new Promise((resolve) => setTimeout(resolve, 700 + random() * 800));
    await fn.kill();
    cloud.passLeases();
    await fn.start();
  }
  expect(await succeeded(app, 8)).toHaveLength(8);
  expect(receiver.received.some(({ body }) => body.includes("task.completed"))).toBe(true);
});
