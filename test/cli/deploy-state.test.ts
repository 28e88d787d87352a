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
      "error DEPLOY_STATE_MISSING: There is the function baton in my-project, and the state my-project_baton",
    );
    expect(stderr).toContain("what to do: Copy the state of the deployment here: infra/backend.tf, or");
    expect(place.told).not.toContain("terraform apply");
  },
);

test("a first deployment, and one whose account is made anew, need no state of before", async () => {
  const first = new DeployPlace({ terraform: makesAll });
  expect((await first.deploy(["--yes"])).code).toBe(0);
  const anew = planOf({ address: account, actions: ["delete", "create"] });
  const again = new DeployPlace({ gcloud: { ...servingFunction(), ...granted }, terraform: anew });
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
  expect(stderr).toContain("error DEPLOY_STATE_MISSING: There is the function baton in my-project");
  expect(stderr).toContain("Nothing was deleted");
  // Before the question.
  expect(stdout).not.toContain("Is deleted");
  expect(place.told.some((call) => /delete|destroy|apply|state rm/.test(call))).toBe(false);
});

test("a removal that had come half-way goes on: there is no function any more", async () => {
  const place = new DeployPlace({ terraform: noState });
  expect((await place.deploy(["--destroy", "--yes"])).code).toBe(0);
  expect(place.told.at(-1)).toBe("terraform destroy");
});

test("where Cloud Run was never switched on, a removal asks it for no function", async () => {
  const place = new DeployPlace({ gcloud: { "services list --enabled *": "true" } });
  expect((await place.deploy(["--destroy", "--yes"])).code).toBe(0);
  expect(place.told).not.toContain("gcloud run services list");
});

test("what an apply has made half is told so, with the command that keeps it", async () => {
  const tainted = { actions: ["delete", "create"], reason: "replace_because_tainted" };
  const half = planOf({ address: topic, ...tainted });
  const place = new DeployPlace({ terraform: half, programs: ["gcloud", "tofu", "node"] });
  const { code, stderr } = await place.deploy(["--yes"]);
  expect(code).toBe(1);
  expect(stderr).toContain(
    `DEPLOY_WOULD_DELETE: This would delete ${topic}, which was made half the last time`,
  );
  expect(stderr).toContain(`\n  TF_WORKSPACE=my-project_baton tofu -chdir=infra untaint '${topic}'\n`);
  expect(stderr).not.toContain("Give the same --project");
  expect(place.told).not.toContain("tofu apply");
  const both = planOf(
    { address: topic, ...tainted },
    { address: "google_storage_bucket.this", actions: ["delete"] },
  );
  const told = (await new DeployPlace({ terraform: both }).deploy(["--yes"])).stderr;
  expect(told).toContain("google_storage_bucket.this");
  expect(told).toContain(`terraform -chdir=infra untaint '${topic}'`);
  expect(told).toContain("For the others: Give the same --project");
});

test("a name that is taken is told at apply, with where the way round it stands", async () => {
  const place = new DeployPlace({ terraform: { "*apply*": "echo 'Error 409: already exists' >&2; exit 1" } });
  const { stderr } = await place.deploy(["--yes"]);
  expect(stderr).toMatch(/^what to do: .*409.*docs\/deploy\.md#an-existing-project/m);
});

test("no two deployments have one state: project and prefix are told apart", async () => {
  const place = new DeployPlace({ terraform: { "*output*": "exit 1" } });
  for (const [project, prefix] of [
    ["acme-x", "dev-baton"],
    ["acme-x-dev", "baton"],
  ])
    await place.deploy(["--yes", "--project", String(project), "--prefix", String(prefix)]);
  const named = new Set(place.workspaces.filter((line) => line.startsWith("apply ")));
  expect([...named]).toEqual(["apply acme-x_dev-baton", "apply acme-x-dev_baton"]);
});

test("of a long command, an error tells enough to know it by", async () => {
  const place = new DeployPlace({ gcloud: { "run deploy *": "exit 3" } });
  const { stdout, stderr } = await place.deploy(["--yes"]);
  const [told = ""] = /^error DEPLOY_FAILED: .*$/m.exec(stderr) ?? [];
  expect(told).toContain("(gcloud run deploy baton --source=dist-package.my-project_baton");
  expect(told).toMatch(/ …\)$/);
  expect(told.length).toBeLessThan(400);
  // The whole of it stands above.
  expect(stdout).toMatch(/^ {2}gcloud run deploy baton .* --quiet$/m);
});
