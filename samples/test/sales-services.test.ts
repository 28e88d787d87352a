import { testWorkflow } from "baton-dag/testing";
import { expect, onTestFinished, test, vi } from "vitest";
import { sampleText } from "./support.ts";

const name = "sales/sales-2026-10.csv";
const lines = sampleText(name).split("\n").slice(0, 50).join("\n");

/** The sample as it is built with these variables. */
async function salesRefresh(environment: Readonly<Record<string, string>>) {
  for (const [variable, value] of Object.entries(environment)) vi.stubEnv(variable, value);
  onTestFinished(() => void vi.unstubAllEnvs());
  vi.resetModules();
  return (await import("../workflows/sales-refresh.ts")).default;
}

test("the sample uses Dataform and Power BI where they are named", async () => {
  const repository = "projects/shop/locations/europe-west1/repositories/sales";
  const flow = await salesRefresh({
    SALES_DATAFORM_REPOSITORY: repository,
    SALES_DATAFORM_COMMITISH: "v2",
    SALES_POWERBI_WORKSPACE: "group-1",
    SALES_POWERBI_DATASET: "model-1",
  });
  const run = await testWorkflow(flow).dropFile(name, lines);
  expect(run.status).toBe("SUCCESS");
  const [compile] = run.calls.filter(({ service, method }) => service === "dataform" && method === "compile");
  expect(compile?.parameters[0]).toMatchObject({ repository });
  expect(JSON.stringify(compile?.parameters)).toContain('"v2"');
  const refreshed = run.calls.filter(({ service, method }) => service === "powerBi" && method === "start");
  expect(refreshed).toHaveLength(1);
  expect(JSON.stringify(refreshed[0]?.parameters)).toContain("model-1");
});

test("without those variables it makes the summary and the report here", async () => {
  const flow = await salesRefresh({ SALES_POWERBI_DATASET: "a dataset without its workspace" });
  const run = await testWorkflow(flow).dropFile(name, lines);
  expect(run.status).toBe("SUCCESS");
  expect(new Set(run.calls.map(({ service }) => service))).toEqual(new Set(["warehouse", "objects"]));
});
