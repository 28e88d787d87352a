import { existsSync, statSync } from "node:fs";
import { expect, test } from "vitest";
import { DeployPlace } from "./deploy-place.ts";

test("every call of Terraform names its own workspace, whichever is chosen in the folder or in the shell", async () => {
  const place = new DeployPlace();
  const environment = { TF_WORKSPACE: "another" };
  expect((await place.deploy(["--yes"], { environment })).code).toBe(0);
  expect((await place.deploy(["--yes", "--destroy"], { environment })).code).toBe(0);
  // Those that make or choose one: Terraform refuses to while another is named.
  const naming = place.workspaces.filter((line) => line.endsWith(" my-project_baton"));
  const others = place.workspaces.filter((line) => !naming.includes(line));
  expect([...new Set(others)].sort()).toEqual(["init none", "workspace none"]);
  const named = new Set(naming.map((line) => line.split(" ")[0]));
  expect([...named].sort()).toEqual(["apply", "destroy", "output", "plan", "show", "state"]);
});

test("two deployments from one folder write different files, and no other may read their variables", async () => {
  const place = new DeployPlace({ packs: true });
  for (const prefix of ["baton", "staging"])
    expect((await place.deploy(["--yes", "--prefix", prefix])).code).toBe(0);
  for (const name of ["my-project_baton", "my-project_staging"]) {
    expect(existsSync(place.path(`dist-package.${name}/baton-dag/dist/functions/index.js`))).toBe(true);
    expect(place.read(`infra/baton.${name}.tfvars.json`)).toContain(`"prefix": "${name.slice(11)}"`);
    for (const file of ["env", "function.yaml"]) {
      expect(place.read(`infra/baton.${name}.${file}`)).toMatch(
        new RegExp(`^BATON_PREFIX[=:] ?['"]${name.slice(11)}['"]$`, "m"),
      );
      expect(statSync(place.path(`infra/baton.${name}.${file}`)).mode & 0o777).toBe(0o600);
    }
  }
});

test("no function gets the variables of another deployment from the infrastructure", async () => {
  const place = new DeployPlace({
    terraform: { "*output*": `echo '{"BATON_PROJECT":"my-project","BATON_PREFIX":"staging"}'` },
  });
  const { code, stderr } = await place.deploy(["--yes"]);
  expect(code).toBe(1);
  expect(stderr).toContain("it belongs to the deployment staging of the project my-project, not to baton of");
  expect(place.callNames).not.toContain("gcloud run deploy baton");
});

test("a removal without a local state says where the state may be", async () => {
  const place = new DeployPlace({ terraform: { "*workspace select*": "exit 1" } });
  const { stderr } = await place.deploy(["--destroy", "--yes"]);
  expect(stderr).toMatch(/what to do: This folder has no state my-project_baton.*copy the state/);
});
