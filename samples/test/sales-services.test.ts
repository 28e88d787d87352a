import { copyFileSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test, vi } from "vitest";
import { startDataformServer } from "../../test/servers/dataform/server.ts";
import { startPowerBiServer } from "../../test/servers/power-bi/server.ts";
import { statuses, untilEnded } from "../../test/support/app.ts";
import { remoteApp } from "../../test/tasks/remote-app.ts";

const sample = fileURLToPath(new URL("../data/sales/sales-2026-10.csv", import.meta.url));
const repository = "projects/shop/locations/europe-west1/repositories/sales";
const principal = { tenantId: "contoso", clientId: "baton", clientSecret: "hush" };
const model = { workspace: "group-1", dataset: "model-1" };

/** The sample as it is built with these variables. */
async function salesRefresh(environment: Readonly<Record<string, string>>) {
  for (const [name, value] of Object.entries(environment)) vi.stubEnv(name, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.resetModules();
  return (await import("../workflows/sales-refresh.ts")).default;
}

test("the sample uses Dataform and Power BI where they are named", async () => {
  const dataform = await startDataformServer({ ending: { afterPolls: 0, state: "SUCCEEDED" } });
  const powerBi = await startPowerBiServer({
    principal,
    ...model,
    ending: { afterPolls: 0, status: "Completed" },
  });
  onTestFinished(async () => void (await Promise.all([dataform.close(), powerBi.close()])));
  const flow = await salesRefresh({
    BATON_SAMPLE_DATAFORM_REPOSITORY: repository,
    BATON_SAMPLE_DATAFORM_COMMITISH: "v2",
    BATON_SAMPLE_POWERBI_WORKSPACE: model.workspace,
    BATON_SAMPLE_POWERBI_DATASET: model.dataset,
  });
  const app = remoteApp({
    workflows: [flow],
    environment: {
      BATON_DATAFORM_ENDPOINT: dataform.url,
      BATON_POWERBI_TENANT_ID: principal.tenantId,
      BATON_POWERBI_CLIENT_ID: principal.clientId,
      BATON_POWERBI_CLIENT_SECRET: principal.clientSecret,
      BATON_POWERBI_ENDPOINT: powerBi.url,
      BATON_POWERBI_AUTHORITY: powerBi.url,
    },
  });
  await app.inbox.start();
  app.work.start();
  const { folder } = app.configuration.inbox;
  mkdirSync(`${folder}/sales`, { recursive: true });
  copyFileSync(sample, `${folder}/sales/may.csv`);
  const started = async () => (await app.engine.admin.list({ workflowId: "sales-refresh" }))[0]?.batchId;
  await expect.poll(started).toBeDefined();
  const view = await untilEnded(app, (await started()) ?? "");
  expect(statuses(view)).toEqual({
    load: "SUCCESS",
    summarise: "SUCCESS",
    report: "SUCCESS",
    archive: "SUCCESS",
  });
  expect(dataform.state.compilations).toMatchObject([{ request: { gitCommitish: "v2" } }]);
  expect(powerBi.dataset.refreshes).toMatchObject([{ status: "Completed" }]);
});

test("without those variables it makes the summary and the report here", async () => {
  const { definition } = await salesRefresh({
    BATON_SAMPLE_POWERBI_DATASET: "a dataset without its workspace",
  });
  expect(definition.tasks.map(({ type }) => type)).toEqual([
    "loadFile",
    "runQuery",
    "renderReport",
    "archiveFile",
  ]);
});
