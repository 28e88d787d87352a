import { randomBytes } from "node:crypto";
import { secretReferences } from "../../composition/secrets.ts";
import type { RawEnvironment } from "../../composition/variable-problems.ts";
import { BatonError } from "../../core/errors.ts";
import { functionSecrets } from "../plan/function-environment.ts";
import type { Deployment } from "../plan/plan.ts";
import { commandLine, secretCommands } from "./commands.ts";
import type { RunStep } from "./run-step.ts";

/** Gives each secret of the function a version, unless it has one: then it stays as it is. Throws `DEPLOY_SECRET_MISSING`. */
export async function ensureSecretVersions(
  deployment: Deployment,
  environment: RawEnvironment,
  run: RunStep,
): Promise<void> {
  for (const [variable, secret] of functionSecrets(deployment)) {
    const { list, add } = secretCommands(deployment, secret);
    const versions = await run(list, { captures: true });
    if (versions.trim() !== "") continue;
    const value = secretFor(variable, environment);
    if (value === undefined) {
      const message = `${secret} has no version, and ${variable} does not hold the secret`;
      throw new BatonError("DEPLOY_SECRET_MISSING", message, { where: commandLine(add) });
    }
    await run(add, { input: value });
  }
}

/** What callbacks are signed with is made up; what others have given has to be given. */
function secretFor(variable: string, environment: RawEnvironment): string | undefined {
  const given = isReference(variable, environment) ? undefined : environment[variable];
  if (given !== undefined || variable !== "BATON_CALLBACK_SECRET") return given;
  return `whsec_${randomBytes(32).toString("base64")}`;
}

function isReference(variable: string, environment: RawEnvironment): boolean {
  return secretReferences(environment).some((name) => name === variable);
}
