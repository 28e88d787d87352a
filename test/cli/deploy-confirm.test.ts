import { existsSync } from "node:fs";
import { expect, test } from "vitest";
import * as z from "zod";
import { DeployPlace, stateOf } from "./deploy-place.ts";

interface InState {
  readonly address: string;
  readonly mode?: string;
  readonly tainted?: boolean;
  readonly values: object;
}

/** What `terraform show -json` says of a first deployment that ended before all was made. */
function halfMade(...resources: readonly InState[]) {
  const found = resources.map((resource) => ({
    ...{ mode: "managed", type: resource.address.split(".")[0] },
    ...resource,
  }));
  return { "*show -json": `echo '${JSON.stringify({ values: { root_module: { resources: found } } })}'` };
}

test("without a yes the infrastructure is compared, and nothing is changed", async () => {
  const place = new DeployPlace();
  const { code, stderr } = await place.deploy([], { input: "no\n" });
  expect(code).toBe(2);
  expect(stderr).toContain("Deploy this to the project my-project? Type yes to continue:");
  expect(stderr).toMatch(/^error USAGE: Nothing was changed/m);
  expect(place.callNames.at(-1)).toBe("terraform show baton.my-project_baton.tfplan");
  const silent = new DeployPlace();
  expect((await silent.deploy(["--skip-infra"])).code).toBe(2);
  expect(silent.callNames).toEqual(["gcloud projects describe my-project", "gcloud run services list"]);
});

test("with a yes it continues", async () => {
  const place = new DeployPlace();
  expect((await place.deploy([], { input: "yes\n" })).code).toBe(0);
  expect(place.callNames.at(-1)).toBe("gcloud run services update-traffic");
});

test("--destroy wants the prefix, lifts the protection, and takes all away", async () => {
  const place = new DeployPlace({ gcloud: { "run services list *": "echo baton" } });
  const { code, stdout, stderr } = await place.deploy(["--destroy"], { input: "baton\n" });
  expect(code).toBe(0);
  expect(stderr).toContain("deletes the deployment baton of the project my-project, and all of its data");
  expect(
    place.calls.map((call) =>
      call
        .filter((word) => word !== "-no-color")
        .slice(0, 5)
        .join(" "),
    ),
  ).toEqual([
    "gcloud projects describe my-project --format=value(projectNumber)",
    "terraform -chdir=infra init -input=false",
    "terraform -chdir=infra workspace select my-project_baton",
    "terraform -chdir=infra show -json",
    "gcloud services list --enabled --filter=config.name=run.googleapis.com",
    "gcloud run services list --filter=metadata.name~^baton$",
    "terraform -chdir=infra plan -input=false -var-file=baton.my-project_baton.tfvars.json",
    "terraform -chdir=infra show -json baton.my-project_baton.tfplan",
    "terraform -chdir=infra apply -input=false baton.my-project_baton.tfplan",
    "gcloud run services delete baton",
    "terraform -chdir=infra state rm google_firestore_field.override",
    "terraform -chdir=infra destroy -input=false -auto-approve",
  ]);
  expect(JSON.parse(place.read("infra/baton.my-project_baton.tfvars.json"))).toMatchObject({
    delete_protection: false,
  });
  expect(stdout).toContain("baton is gone from my-project");
});

test("--destroy changes nothing when the prefix is not typed, and skips a function that does not exist", async () => {
  const place = new DeployPlace();
  const refused = await place.deploy(["--destroy"], { input: "yes\n" });
  expect(refused.code).toBe(2);
  expect(place.callNames.at(-1)).toBe("gcloud run services list");
  expect(existsSync(place.path("infra/baton.my-project_baton.tfvars.json"))).toBe(false);
  expect((await place.deploy(["--destroy", "--yes"])).code).toBe(0);
  expect(place.callNames).not.toContain("gcloud run services delete");
  expect(place.callNames.at(-1)).toBe("terraform destroy");
});

test("--destroy lists the resources of the state, not of the variables, before it asks", async () => {
  const { stdout } = await new DeployPlace().deploy(["--destroy"], { input: "no\n" });
  expect(stdout).toMatch(/Is deleted, with all data, by the state of Terraform:/);
  expect(stdout).toMatch(/Firestore database +\(default\)/);
  expect(stdout).toMatch(/bucket +my-project-baton$/m);
  expect(stdout).toMatch(/Pub\/Sub topic +baton-queue-forgotten/);
  expect(stdout).toMatch(/Cloud Run function +baton \(europe-west1\), if there is one/);
  expect(stdout).toContain("and 2 project_iam_member, 1 firestore_field\n");
  // Of the workflows, which have nothing to do with it; services stay.
  expect(stdout).not.toContain("baton-queue-slow");
  expect(stdout).not.toContain("project_service");
  const planned = await new DeployPlace().deploy(["--destroy", "--dry-run"]);
  expect(planned.stdout).toContain("The list is computed from the variables");
  expect(planned.stdout).toContain("baton-queue-slow");
});

test("--destroy reports to programs what it has deleted", async () => {
  const { code, stdout, stderr } = await new DeployPlace().deploy(["--destroy", "--yes", "--json"]);
  expect(code).toBe(0);
  const shown = z.object({
    dryRun: z.literal(false),
    deleted: z.array(z.object({ kind: z.string(), name: z.string(), address: z.string() })),
  });
  expect(shown.parse(JSON.parse(stdout)).deleted.map(({ kind, name }) => `${kind} ${name}`)).toEqual([
    "Firestore database (default)",
    "bucket my-project-baton",
    "Pub/Sub topic baton-control",
    "Pub/Sub topic baton-queue-forgotten",
    "service account baton-function@my-project.iam.gserviceaccount.com",
    "other project_iam_member",
    "other project_iam_member",
    "other firestore_field",
  ]);
  expect(stderr).toContain("by the state of Terraform");
});

test("--destroy says when there is nothing, and stops at a state that can't be read", async () => {
  const gone = new DeployPlace({ terraform: { "*show -json": `echo '{"format_version":"1.0"}'` } });
  const { stdout } = await gone.deploy(["--destroy"], { input: "no\n" });
  expect(stdout).toContain("the state holds nothing");
  const broken = new DeployPlace({ terraform: { "*show -json": "echo '{\"values\":[]}'" } });
  const { code, stderr } = await broken.deploy(["--destroy", "--yes"]);
  expect(code).toBe(1);
  expect(stderr).toContain("error DEPLOY_FAILED: Reading the state failed: the state can't be read");
  expect(broken.callNames.at(-1)).toBe("terraform show");
});

test("--destroy --skip-infra deletes the function alone", async () => {
  const place = new DeployPlace({
    gcloud: { "run services list *": "echo baton" },
    programs: ["gcloud", "node"],
  });
  const { code, stdout } = await place.deploy(["--destroy", "--skip-infra", "--yes"]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/Is deleted:\n +KIND.*\n +Cloud Run function +baton/);
  expect(stdout).not.toContain("Firestore database");
  expect(place.callNames).toEqual([
    "gcloud projects describe my-project",
    "gcloud run services list",
    "gcloud run services delete",
  ]);
});

test("--destroy applies nothing where nothing is protected any more, or nothing was deployed", async () => {
  const again = new DeployPlace({ terraform: { "*show -json": `echo '${JSON.stringify(stateOf({}))}'` } });
  expect((await again.deploy(["--destroy", "--yes"])).code).toBe(0);
  expect(again.callNames).not.toContain("terraform apply");
  const nowhere = new DeployPlace({ terraform: { "*workspace select*": "exit 1" } });
  expect((await nowhere.deploy(["--destroy", "--yes"])).stderr).toContain(
    "error DEPLOY_FAILED: Looking whether there is a state",
  );
  expect(nowhere.callNames.at(-1)).toBe("terraform workspace select");
});

test("--destroy lifts the protection of existing resources, and creates none", async () => {
  const secret = 'google_secret_manager_secret.this["baton-callback-secret"]';
  const place = new DeployPlace({
    terraform: halfMade(
      { address: "google_storage_bucket.this", values: { force_destroy: false } },
      { address: "google_bigquery_dataset.this", values: { delete_contents_on_destroy: false } },
      { address: secret, values: { deletion_protection: true } },
      { address: "google_bigquery_table.callbacks", values: { deletion_protection: false } },
      { address: "google_pubsub_topic.dead_letters", values: {} },
      { address: "google_storage_bucket.theirs", mode: "data", values: { force_destroy: false } },
    ),
  });
  expect((await place.deploy(["--destroy", "--yes"])).code).toBe(0);
  const [plan = []] = place.calls.filter((call) => call.includes("plan"));
  expect(plan.filter((word) => word.startsWith("-target="))).toEqual([
    "-target=google_storage_bucket.this",
    "-target=google_bigquery_dataset.this",
    `-target=${secret}`,
  ]);
  // It has made no index, and Terraform would refuse to forget a missing resource.
  expect(place.callNames).not.toContain("terraform state rm");
  expect(place.callNames.slice(-2)).toEqual([
    "terraform apply baton.my-project_baton.tfplan",
    "terraform destroy",
  ]);
});

test("--destroy keeps tainted resources until their protection is lifted", async () => {
  const dataset = "google_bigquery_dataset.this";
  const topic = "google_pubsub_topic.dead_letters";
  const tainted = { change: { actions: ["delete", "create"] }, action_reason: "replace_because_tainted" };
  const place = new DeployPlace({
    terraform: {
      ...halfMade(
        { address: dataset, tainted: true, values: { delete_contents_on_destroy: false } },
        { address: topic, tainted: true, values: {} },
      ),
      "*show -json baton.*.tfplan": `echo '${JSON.stringify({
        resource_changes: [{ address: topic, type: "google_pubsub_topic", ...tainted }],
      })}'`,
    },
  });
  expect((await place.deploy(["--destroy", "--yes"])).code).toBe(0);
  const untainted = place.calls.filter((call) => call.includes("untaint"));
  expect(untainted.map((call) => call.at(-1))).toEqual([dataset]);
  expect(place.callNames.filter((call) => /untaint|plan|apply|destroy/.test(call))).toEqual([
    `terraform untaint ${dataset}`,
    "terraform plan",
    "terraform show baton.my-project_baton.tfplan",
    "terraform apply baton.my-project_baton.tfplan",
    "terraform destroy",
  ]);
});

test("--destroy leaves the indexes to the database, where the state holds any", async () => {
  const field = (found: string) => ({
    "*show -json": `echo '${JSON.stringify({
      values: {
        root_module: {
          resources: [{ address: found, mode: "managed", type: "google_firestore_field", values: {} }],
        },
      },
    })}'`,
  });
  const held = new DeployPlace({ terraform: field('google_firestore_field.override["batches/*"]') });
  expect((await held.deploy(["--destroy", "--yes"])).code).toBe(0);
  expect(held.callNames.slice(-2)).toEqual(["terraform state rm", "terraform destroy"]);
  const ofOthers = new DeployPlace({ terraform: field("google_firestore_field.mine") });
  expect((await ofOthers.deploy(["--destroy", "--yes"])).code).toBe(0);
  expect(ofOthers.callNames).not.toContain("terraform state rm");
});

test("--destroy works without a build, and without workflows that are right", async () => {
  const place = new DeployPlace({
    files: { "workflows/late.ts": "throw new Error('no luck');\n" },
  });
  expect((await place.deploy(["--destroy", "--yes"])).code).toBe(0);
});

test("a deployment that would delete data stops, confirmed or not, and names the command to do it", async () => {
  const change = (type: string, ...actions: string[]) => ({
    address: `${type}.this`,
    type,
    change: { actions },
  });
  const plan = (...changes: object[]) => ({
    "*show -json baton.my-project_baton.tfplan": `echo '${JSON.stringify({ resource_changes: changes })}'`,
  });
  const harmless = plan(
    change("google_firestore_database", "update"),
    // An upgrade asks no more by it; a grant that is not needed any longer.
    change("google_firestore_field", "delete"),
    change("google_bigquery_dataset_iam_member", "delete"),
    change("google_secret_manager_secret_iam_member", "delete"),
    change("google_monitoring_alert_policy", "delete", "create"),
  );
  expect((await new DeployPlace({ terraform: harmless }).deploy(["--yes"])).code).toBe(0);
  for (const type of ["bigquery_dataset", "bigquery_table", "secret_manager_secret", "cloud_tasks_queue"]) {
    const place = new DeployPlace({ terraform: plan(change(`google_${type}`, "delete")) });
    expect((await place.deploy(["--yes"])).stderr).toContain(`would delete google_${type}.this`);
  }
  const harmful = plan(change("google_firestore_database", "delete", "create"));
  for (const parameters of [["--yes"], ["--destroy", "--yes"]]) {
    const place = new DeployPlace({ terraform: harmful });
    const { code, stderr } = await place.deploy(parameters);
    expect(code).toBe(1);
    expect(stderr).toContain("DEPLOY_WOULD_DELETE: This would delete google_firestore_database.this");
    expect(stderr).toContain(
      "TF_WORKSPACE=my-project_baton terraform -chdir=infra apply -input=false -no-color baton.my-project_baton.tfplan",
    );
    expect(place.callNames).not.toContain("terraform apply");
  }
});
