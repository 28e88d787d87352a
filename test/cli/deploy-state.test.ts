import { expect, test } from "vitest";
import { DeployPlace, granted, servingFunction, stateOf } from "./deploy-place.ts";

const serving = { ...servingFunction(), "run services list *": "echo baton" };
const account = "google_service_account.function";
const topic = 'google_pubsub_topic.this["baton-control"]';

interface Change {
  readonly address: string;
  readonly actions: readonly string[];
  readonly reason?: string;
}

/** What `terraform show -json` says of a plan with these changes. */
function planOf(...changes: readonly Change[]) {
  const found = changes.map(({ address, actions, reason }) => ({
    address,
    type: address.split(".")[0],
    change: { actions },
    ...(reason && { action_reason: reason }),
  }));
  return { "*show -json baton.*.tfplan": `echo '${JSON.stringify({ resource_changes: found })}'` };
}

const makesAll = planOf({ address: account, actions: ["create"] });
const noState = { "*show -json": `echo '{"format_version":"1.0"}'` };

test.each([[["--yes"]], [["--yes", "--skip-function"]]])(
  "where the function serves, a deployment whose state does not know of it makes nothing: %j",
  async (parameters) => {
    const place = new DeployPlace({ gcloud: serving, terraform: makesAll });
    const { code, stderr } = await place.deploy(parameters);
    expect(code).toBe(1);
    expect(stderr).toContain(
      "error DEPLOY_STATE_MISSING: The function baton exists in my-project, but the state my-project_baton",
    );
    expect(stderr).toContain(
      "what to do: Copy the state of the deployment to this folder: infra/backend.tf, or",
    );
    expect(place.callNames).not.toContain("terraform apply");
  },
);

test("a first deployment, and one whose account is created again, need no earlier state", async () => {
  const first = new DeployPlace({ terraform: makesAll });
  expect((await first.deploy(["--yes"])).code).toBe(0);
  const recreated = planOf({ address: account, actions: ["delete", "create"] });
  const again = new DeployPlace({ gcloud: { ...servingFunction(), ...granted }, terraform: recreated });
  expect((await again.deploy(["--yes"])).code).toBe(0);
});

const otherStates: readonly (readonly [string, string])[] = [
  ["none", `{"format_version":"1.0"}`],
  [
    "that of another deployment",
    JSON.stringify(stateOf({})).replaceAll("baton-function@my-project", "baton-function@my-project-2"),
  ],
  [
    "one of what a deployment from elsewhere has left",
    JSON.stringify({
      values: {
        root_module: {
          resources: [
            {
              address: "google_monitoring_dashboard.this",
              mode: "managed",
              type: "google_monitoring_dashboard",
            },
          ],
        },
      },
    }),
  ],
];

test.each(otherStates)("--destroy leaves a function whose state is not here: %s", async (_, state) => {
  const place = new DeployPlace({ gcloud: serving, terraform: { "*show -json": `echo '${state}'` } });
  const { code, stdout, stderr } = await place.deploy(["--destroy", "--yes"]);
  expect(code).toBe(1);
  expect(stderr).toContain("error DEPLOY_STATE_MISSING: The function baton exists in my-project");
  expect(stderr).toContain("Nothing was deleted");
  // Before the question.
  expect(stdout).not.toContain("Is deleted");
  expect(place.callNames.some((call) => /delete|destroy|apply|state rm/.test(call))).toBe(false);
});

test("an interrupted removal continues: the function no longer exists", async () => {
  const place = new DeployPlace({ terraform: noState });
  expect((await place.deploy(["--destroy", "--yes"])).code).toBe(0);
  expect(place.callNames.at(-1)).toBe("terraform destroy");
});

test("where Cloud Run was never switched on, a removal asks it for no function", async () => {
  const place = new DeployPlace({ gcloud: { "services list --enabled *": "true" } });
  expect((await place.deploy(["--destroy", "--yes"])).code).toBe(0);
  expect(place.callNames).not.toContain("gcloud run services list");
});

test("tainted resources are reported with the command that keeps them", async () => {
  const tainted = { actions: ["delete", "create"], reason: "replace_because_tainted" };
  const half = planOf({ address: topic, ...tainted });
  const place = new DeployPlace({ terraform: half, programs: ["gcloud", "tofu", "node"] });
  const { code, stderr } = await place.deploy(["--yes"]);
  expect(code).toBe(1);
  expect(stderr).toContain(
    `DEPLOY_WOULD_DELETE: This would delete ${topic}, which the last apply left tainted`,
  );
  expect(stderr).toContain(`\n  TF_WORKSPACE=my-project_baton tofu -chdir=infra untaint '${topic}'\n`);
  expect(stderr).not.toContain("Give the same --project");
  expect(place.callNames).not.toContain("tofu apply");
  const both = planOf(
    { address: topic, ...tainted },
    { address: "google_storage_bucket.this", actions: ["delete"] },
  );
  const shown = (await new DeployPlace({ terraform: both }).deploy(["--yes"])).stderr;
  expect(shown).toContain("google_storage_bucket.this");
  expect(shown).toContain(`terraform -chdir=infra untaint '${topic}'`);
  expect(shown).toContain("For the others: Give the same --project");
});

test("a taken name is reported at apply, with a link to the ways around it", async () => {
  const place = new DeployPlace({ terraform: { "*apply*": "echo 'Error 409: already exists' >&2; exit 1" } });
  const { stderr } = await place.deploy(["--yes"]);
  expect(stderr).toMatch(/^what to do: .*409.*docs\/deploy\.md#an-existing-project/m);
});

test("no two deployments have one state: project and prefix are separated", async () => {
  const place = new DeployPlace({ terraform: { "*output*": "exit 1" } });
  for (const [project, prefix] of [
    ["acme-x", "dev-baton"],
    ["acme-x-dev", "baton"],
  ])
    await place.deploy(["--yes", "--project", String(project), "--prefix", String(prefix)]);
  const named = new Set(place.workspaces.filter((line) => line.startsWith("apply ")));
  expect([...named]).toEqual(["apply acme-x_dev-baton", "apply acme-x-dev_baton"]);
});

test("an error shows enough of a long command to recognise it", async () => {
  const place = new DeployPlace({ gcloud: { "run deploy *": "exit 3" } });
  const { stdout, stderr } = await place.deploy(["--yes"]);
  const [shown = ""] = /^error DEPLOY_FAILED: .*$/m.exec(stderr) ?? [];
  expect(shown).toContain("(gcloud run deploy baton --source=dist-package.my-project_baton");
  expect(shown).toMatch(/ …\)$/);
  expect(shown.length).toBeLessThan(400);
  // The whole of it stands above.
  expect(stdout).toMatch(/^ {2}gcloud run deploy baton .* --quiet$/m);
});
