import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { sampleWorkflowIds } from "../../src/deployment/plan/samples.ts";
import { loadWorkflows } from "../../src/deployment/plan/workflows.ts";
import { DeployPlace } from "./deploy-place.ts";

const WarningsSchema = z.object({ warnings: z.array(z.string()) });

async function warningsOf(
  environment: Readonly<Record<string, string>>,
  files: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  const place = new DeployPlace({ files });
  const { stdout } = await place.deploy(["--dry-run", "--json"], { environment });
  return WarningsSchema.parse(JSON.parse(stdout)).warnings;
}

test("the list of samples is that of the folder", async () => {
  const folder = fileURLToPath(new URL("../../functions/workflows", import.meta.url));
  const found = await loadWorkflows(folder);
  expect(found.map(({ definition }) => definition.workflowId).sort()).toEqual(sampleWorkflowIds);
});

test("samples that are deployed are told, but for the one that the smoke test starts", async () => {
  const workflow = (id: string) => `
import { workflow } from "baton";
export default workflow("${id}").task("a", () => 1);
`;
  const samples = {
    "functions/workflows/one.ts": workflow("search-index"),
    "functions/workflows/two.ts": workflow("greet"),
  };
  const warnings = await warningsOf({}, samples);
  expect(warnings).toEqual([
    expect.stringMatching(/^search-index: samples of Baton.*the disk of an instance/),
  ]);
});

test("where nobody is told of alerts, the plan says so", async () => {
  const unset = { BATON_DEPLOY_ALERT_EMAILS: "" };
  expect(await warningsOf(unset)).toEqual([expect.stringMatching(/^BATON_DEPLOY_ALERT_EMAILS is not set/)]);
  const removal = await new DeployPlace().deploy(["--dry-run", "--destroy"], { environment: unset });
  expect(removal.stdout).not.toContain("Look at this");
});

test("a limit of a queue that no task is in is told", async () => {
  const limits = "slow=1,slwo=2";
  expect(await warningsOf({ BATON_QUEUES: limits })).toEqual([
    expect.stringMatching(/^No workflow of the folder has a task in the queue slwo/),
  ]);
  expect(await warningsOf({ BATON_QUEUES: limits, BATON_DEPLOY_QUEUES: "slwo" })).toEqual([]);
});
