import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { planDeployment, terraformVariables } from "../../src/deployment/plan.ts";
import { readTarget } from "../../src/deployment/target.ts";

const folder = fileURLToPath(new URL("../../infra/", import.meta.url));
const tools = ["terraform", "tofu"].filter((tool) => spawnSync(tool, ["version"]).status === 0);
const usual = { BATON_PROJECT: "some-project", BATON_LOCATION: "europe-west1" };

/** What is wrong with a variable of ours, and the same as a variable of the infrastructure. */
const wrong: readonly (readonly [string, string, string, unknown])[] = [
  ["BATON_PROJECT", "My_Project", "project", "My_Project"],
  ["BATON_LOCATION", "europe-west1-b", "region", "europe-west1-b"],
  ["BATON_PREFIX", "my-google", "prefix", "my-google"],
  ["BATON_PREFIX", "googly", "prefix", "googly"],
  ["BATON_PREFIX", "a-prefix-of-21-letters", "prefix", "a-prefix-of-21-letters"],
  ["BATON_DATABASE", "abc", "database", "abc"],
  ["BATON_DATABASE", "Mine", "database", "Mine"],
  ["BATON_BUCKET", "my.bucket", "bucket", "my.bucket"],
  ["BATON_BUCKET", "-bucket", "bucket", "-bucket"],
  ["BATON_INBOX_BUCKET", "Files", "inbox_bucket", "Files"],
  ["BATON_DATASET", "my-data", "dataset", "my-data"],
  ["BATON_BIGQUERY_LOCATION", "europe", "bigquery_location", "europe"],
  ["BATON_DEPLOY_FIRESTORE_LOCATION", "europe-west1-b", "firestore_location", "europe-west1-b"],
  ["BATON_LEASE", "61m", "lease_seconds", 3_660],
  ["BATON_FUNCTION_TIMEOUT", "59s", "function_timeout_seconds", 59],
  ["BATON_COMPLETIONS", "outline", "completions", "outline"],
  ["BATON_RETENTION", "99d", "retention_days", 99],
  ["BATON_DEPLOY_FUNCTION", "Baton", "function_name", "Baton"],
  ["BATON_DEPLOY_MAX_INSTANCES", "1001", "max_instances", 1_001],
  ["BATON_DEPLOY_CPU", "3", "cpu", "3"],
  ["BATON_DEPLOY_MEMORY", "1G", "memory", "1G"],
  ["BATON_DEPLOY_ALERT_EMAILS", "me", "alert_emails", ["me"]],
  ["BATON_DEPLOY_BILLING_ACCOUNT", "0A1B2C", "billing_account", "0A1B2C"],
  ["BATON_QUEUES", "my_queue=1", "queue_limits", { my_queue: { concurrency: 1 } }],
];

test.each(wrong)("before anything is run, %s=%s is refused", (name, value) => {
  expect(() => planDeployment(readTarget({ ...usual, [name]: value }, {}), [])).toThrow(name);
});

test.skipIf(tools.length === 0)(
  "what is refused is what the infrastructure refuses",
  () => {
    for (const tool of tools) {
      const place = placeOf();
      spawnSync(tool, [`-chdir=${place}`, "init"]);
      const good = terraformVariables(planDeployment(readTarget(usual, {}), []));
      expect(planIn(tool, place, good)).toBe(0);
      for (const [name, , variable, value] of wrong)
        expect(planIn(tool, place, { ...good, [variable]: value }), name).not.toBe(0);
    }
  },
  120_000,
);

/** A folder with the variables alone: no provider has to be fetched. */
function placeOf(): string {
  const place = mkdtempSync(join(tmpdir(), "baton-refusals-"));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  for (const name of readdirSync(folder).filter((file) => /^variables.*\.tf$/.test(file)))
    cpSync(join(folder, name), join(place, name));
  return place;
}

function planIn(tool: string, place: string, variables: object): number | null {
  writeFileSync(join(place, "values.tfvars.json"), JSON.stringify(variables));
  return spawnSync(tool, [`-chdir=${place}`, "plan", "-var-file=values.tfvars.json"], {
    env: { ...process.env, CHECKPOINT_DISABLE: "1" },
  }).status;
}
