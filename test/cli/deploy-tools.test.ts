import { expect, test } from "vitest";
import { DeployPlace } from "./deploy-place.ts";

const both = ["gcloud", "terraform", "tofu", "node"] as const;
const lockedBy = (registry: string) => ({
  "infra/.terraform.lock.hcl": `provider "${registry}/hashicorp/google" {\n  version = "6.50.0"\n}\n`,
});

async function usedIn(
  files: Readonly<Record<string, string>>,
  environment: Readonly<Record<string, string>> = {},
): Promise<string | undefined> {
  const place = new DeployPlace({ programs: both, files });
  expect((await place.deploy(["--skip-function", "--yes"], { environment })).code).toBe(0);
  const used = new Set(place.callNames.map((call) => call.split(" ")[0]).filter((name) => name !== "gcloud"));
  expect(used.size).toBe(1);
  return [...used][0];
}

test("if both are installed, the one that locked the providers is used", async () => {
  expect(await usedIn({})).toBe("terraform");
  expect(await usedIn(lockedBy("registry.opentofu.org"))).toBe("tofu");
  expect(await usedIn(lockedBy("registry.terraform.io"))).toBe("terraform");
});

test("BATON_DEPLOY_TERRAFORM chooses between both", async () => {
  expect(await usedIn({}, { BATON_DEPLOY_TERRAFORM: "tofu" })).toBe("tofu");
  expect(await usedIn(lockedBy("registry.opentofu.org"), { BATON_DEPLOY_TERRAFORM: "terraform" })).toBe(
    "terraform",
  );
});

test("a chosen tool that is not installed is missing, even if the other is installed", async () => {
  const place = new DeployPlace();
  const environment = { BATON_DEPLOY_TERRAFORM: "tofu" };
  const { code, stderr } = await place.deploy(["--yes"], { environment });
  expect(code).toBe(1);
  expect(stderr).toMatch(/^error DEPLOY_TOOL_MISSING: tofu is not on the PATH/);
  const wrong = await place.deploy(["--yes"], { environment: { BATON_DEPLOY_TERRAFORM: "pulumi" } });
  expect(wrong.stderr).toContain("write terraform or tofu");
});
