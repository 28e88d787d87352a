import { BatonError } from "../../core/errors.ts";
import { commandLine, functionCommands } from "./commands.ts";
import type { Prepared } from "./prepare.ts";
import type { RunStep } from "./run-step.ts";

/**
 * Asks for the number of the project, and so whether gcloud is logged in and reaches it. Throws `DEPLOY_FAILED`. Undefined: only
 * the infrastructure is deployed, and there is no gcloud.
 */
export async function askProjectNumber(
  { deployment, asksForProject }: Prepared,
  run: RunStep,
): Promise<string | undefined> {
  if (!asksForProject) return undefined;
  const { projectNumber: ask } = functionCommands(deployment);
  const answer = (await run(ask, { captures: true })).trim();
  if (/^\d+$/.test(answer)) return answer;
  throw new BatonError("DEPLOY_FAILED", `${ask.title} failed: "${answer}" is no number of a project`, {
    where: commandLine(ask),
    remedy: ask.remedy,
  });
}
