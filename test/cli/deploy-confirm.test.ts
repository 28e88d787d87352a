import { expect, test } from "vitest";
import { DeployPlace } from "./deploy-place.ts";

test("without a yes the infrastructure is compared, and nothing is changed", async () => {
  const place = new DeployPlace();
  const { code, stderr } = await place.deploy([], { input: "no\n" });
  expect(code).toBe(2);
  expect(stderr).toContain("Deploy this to the project my-project? Type yes to go on:");
  expect(stderr).toMatch(/^error USAGE: Nothing was changed/m);
  expect(place.told.at(-1)).toBe("terraform show baton.tfplan");
  const silent = new DeployPlace();
  expect((await silent.deploy(["--skip-infra"])).code).toBe(2);
  expect(silent.calls).toEqual([]);
});

test("with a yes it goes on", async () => {
  const place = new DeployPlace();
  expect((await place.deploy([], { input: "yes\n" })).code).toBe(0);
  expect(place.told.at(-1)).toBe("gcloud run services update-traffic");
});

test("--destroy wants the prefix, lifts the protection, and takes all away", async () => {
  const place = new DeployPlace({ gcloud: { "run services list *": "echo baton" } });
  const { code, stdout, stderr } = await place.deploy(["--destroy"], { input: "baton\n" });
  expect(code).toBe(0);
  expect(stderr).toContain("deletes the deployment baton of the project my-project, and all of its data");
  expect(place.calls.map((call) => call.slice(0, 5).join(" "))).toEqual([
    "terraform -chdir=infra init -input=false",
    "terraform -chdir=infra workspace select my-project-baton",
    "terraform -chdir=infra show -json",
    "terraform -chdir=infra plan -input=false -out=baton.tfplan",
    "terraform -chdir=infra show -json baton.tfplan",
    "terraform -chdir=infra apply -input=false baton.tfplan",
    "gcloud run services list --filter=metadata.name~^baton$",
    "gcloud run services delete baton",
    "terraform -chdir=infra destroy -input=false -auto-approve",
  ]);
  expect(JSON.parse(place.read("infra/baton.auto.tfvars.json"))).toMatchObject({ delete_protection: false });
  expect(stdout).toContain("baton is gone from my-project");
});

test("--destroy changes nothing when the prefix is not typed, and passes over a function that is not there", async () => {
  const place = new DeployPlace();
  const refused = await place.deploy(["--destroy"], { input: "yes\n" });
  expect(refused.code).toBe(2);
  expect(place.calls).toEqual([]);
  expect((await place.deploy(["--destroy", "--yes"])).code).toBe(0);
  expect(place.told).not.toContain("gcloud run services delete");
  expect(place.told.at(-1)).toBe("terraform destroy");
});

test("--destroy applies nothing where nothing is protected any more, or nothing was deployed", async () => {
  const again = new DeployPlace({ terraform: { "*show -json": "echo '{}'" } });
  expect((await again.deploy(["--destroy", "--yes"])).code).toBe(0);
  expect(again.told).not.toContain("terraform apply");
  const nowhere = new DeployPlace({ terraform: { "*workspace select*": "exit 1" } });
  expect((await nowhere.deploy(["--destroy", "--yes"])).stderr).toContain(
    "error DEPLOY_FAILED: Choosing the state",
  );
  expect(nowhere.told.at(-1)).toBe("terraform workspace select");
});

test("--destroy works without a build, and without workflows that are right", async () => {
  const place = new DeployPlace({
    files: { "functions/workflows/late.ts": "throw new Error('no luck');\n" },
  });
  expect((await place.deploy(["--destroy", "--yes"])).code).toBe(0);
});

test("what would delete data stops, asked or not, and names the command that does it all the same", async () => {
  const change = (type: string, ...actions: string[]) => ({
    address: `${type}.this`,
    type,
    change: { actions },
  });
  const plan = (...changes: object[]) => ({
    "*show -json baton.tfplan": `echo '${JSON.stringify({ resource_changes: changes })}'`,
  });
  const harmless = plan(
    change("google_firestore_database", "update"),
    change("google_monitoring_alert_policy", "delete", "create"),
  );
  expect((await new DeployPlace({ terraform: harmless }).deploy(["--yes"])).code).toBe(0);
  const harmful = plan(change("google_firestore_database", "delete", "create"));
  for (const parameters of [["--yes"], ["--destroy", "--yes"]]) {
    const place = new DeployPlace({ terraform: harmful });
    const { code, stderr } = await place.deploy(parameters);
    expect(code).toBe(1);
    expect(stderr).toContain("DEPLOY_WOULD_DELETE: This would delete google_firestore_database.this");
    expect(stderr).toContain("terraform -chdir=infra apply -input=false baton.tfplan");
    expect(place.told).not.toContain("terraform apply");
  }
});
