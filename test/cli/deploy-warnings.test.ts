import { expect, test } from "vitest";
import * as z from "zod";
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

test("the plan warns if alerts have no recipient", async () => {
  const unset = { BATON_DEPLOY_ALERT_EMAILS: "" };
  expect(await warningsOf(unset)).toEqual([expect.stringMatching(/^BATON_DEPLOY_ALERT_EMAILS is not set/)]);
  const removal = await new DeployPlace().deploy(["--dry-run", "--destroy"], { environment: unset });
  expect(removal.stdout).not.toContain("Look at this");
});

test("default names that do not follow from the prefix are reported", async () => {
  const prefix = { BATON_PREFIX: "staging" };
  expect(await warningsOf(prefix)).toEqual([
    expect.stringMatching(
      /^The prefix is staging, and BATON_DATABASE .* and BATON_DATASET .* did not change/,
    ),
  ]);
  const [shown, ...others] = await warningsOf({ ...prefix, BATON_DATABASE: "staging" });
  expect(others).toEqual([]);
  expect(shown).toContain("BATON_DATASET (it is baton)");
  expect(shown).not.toContain("BATON_DATABASE");
  expect(await warningsOf({ ...prefix, BATON_DATABASE: "staging", BATON_DATASET: "staging" })).toEqual([]);
});

const backends = [
  'terraform {\n  backend "gcs" {\n    bucket = "states"\n  }\n}\n',
  'terraform { backend "gcs" { bucket = "states" } }\n',
  'terraform {\n  cloud {\n    organization = "acme"\n  }\n}\n',
];

test.each(backends)("a state that is kept elsewhere is not warned of: %j", async (text) => {
  expect(await warningsOf({}, { "infra/backend.tf": "", "infra/mine.tf": text })).toEqual([]);
});

test("a state that is kept on this machine alone is reported, if the infrastructure is made", async () => {
  const files = { "infra/backend.tf": '# terraform { backend "gcs" {} }\n' };
  expect(await warningsOf({}, files)).toEqual([
    expect.stringMatching(/^The state of the infrastructure is kept in this folder alone.*README\.md#state/),
  ]);
  const { stdout } = await new DeployPlace({ files }).deploy(["--dry-run", "--skip-infra"]);
  expect(stdout).not.toContain("Look at this");
});

test("a limit of a queue without tasks is reported", async () => {
  const limits = "slow=1,slwo=2";
  expect(await warningsOf({ BATON_QUEUES: limits })).toEqual([
    expect.stringMatching(/^No workflow of the folder has a task in the queue slwo/),
  ]);
  expect(await warningsOf({ BATON_QUEUES: limits, BATON_DEPLOY_QUEUES: "slwo" })).toEqual([]);
});

test("a result that is kept for longer than its callback is reported", async () => {
  const workflow = `
import { workflow } from "baton-dag";
const callback = { url: "https://example.com/" };
const of = (ttl, more) => ({ idempotency: { key: { fields: ["id"] }, ttl, ...more }, callback });
export default workflow("calls")
  .task("long", () => 1, of("101d"))
  .task("short", () => 1, of("100d"))
  .task("recurring", () => 1, of("101d", { recurring: true }))
  .task("silent", () => 1, { idempotency: { key: { fields: ["id"] }, ttl: "101d" } });
`;
  const files = { "workflows/calls.ts": workflow };
  expect(await warningsOf({}, files)).toEqual([]);
  expect(await warningsOf({ BATON_RETENTION: "100d" }, files)).toEqual([
    expect.stringMatching(/^Task long of calls keeps its result for longer .*100 days/),
  ]);
});

test("a timeout longer than an attempt of the function is reported", async () => {
  const workflow = `
import { workflow } from "baton-dag";
export default workflow("slow").task("load", () => 1, { timeout: "9m" });
`;
  const files = { "workflows/slow.ts": workflow };
  expect(await warningsOf({}, files)).toEqual([
    expect.stringMatching(/^Task load of slow has a timeout of 9 m 00 s; .* 8 m 30 s/),
  ]);
});
