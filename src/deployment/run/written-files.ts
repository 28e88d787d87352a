import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { deploymentFiles, infrastructureFolder } from "../plan/files.ts";
import type { Deployment } from "../plan/plan.ts";
import { variablesText } from "../plan/variables.ts";

const ownerOnly = 0o600;

export function writeTerraformVariables({ root }: { readonly root: string }, deployment: Deployment): void {
  const { terraformVariables } = deploymentFiles(deployment);
  writeFileSync(join(root, infrastructureFolder, terraformVariables), variablesText(deployment));
}

/** For nobody else on the machine, also where an earlier time has left it open. */
export function writeForOwner(path: string, text: string): void {
  writeFileSync(path, text, { mode: ownerOnly });
  chmodSync(path, ownerOnly);
}
