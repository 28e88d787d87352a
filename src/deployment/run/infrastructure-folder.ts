import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { infrastructureFolder } from "../plan/files.ts";

export type TerraformProgram = "terraform" | "tofu";

const registries = { terraform: "registry.terraform.io", tofu: "registry.opentofu.org" } as const;

/**
 * Which programs may do what Terraform does, the first that is there and new enough. Where nobody has chosen, the one that has
 * worked on the folder before: the providers that are locked are those of its registry.
 */
export function terraformPrograms(
  root: string,
  chosen: TerraformProgram | undefined,
): readonly TerraformProgram[] {
  if (chosen !== undefined) return [chosen];
  const locked = textsIn(root, ".terraform.lock.hcl").join("");
  const isTofu = locked.includes(registries.tofu) && !locked.includes(registries.terraform);
  return isTofu ? ["tofu", "terraform"] : ["terraform", "tofu"];
}

/** Without a backend, whoever works on another machine has another state. */
export function stateWarnings(root: string): string[] {
  if (textsIn(root, "*.tf").some((text) => backend.test(text))) return [];
  return [
    "The state of the infrastructure is kept in this folder alone: without it nobody can change or remove what is made. Where others deploy too, keep it in a bucket: infra/README.md#state",
  ];
}

const backend = /^\s*(?:terraform\s*\{\s*)?(?:backend\s+"[a-z]+"|cloud)\s*\{/m;

function textsIn(root: string, pattern: string): string[] {
  const folder = join(root, infrastructureFolder);
  return globSync(pattern, { cwd: folder }).map((name) => readFileSync(join(folder, name), "utf8"));
}
