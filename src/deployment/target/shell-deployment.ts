import type { RawEnvironment } from "../../composition/variable-problems.ts";
import { BatonError } from "../../core/errors.ts";

interface Named {
  readonly projectId: string | undefined;
  readonly prefix: string | undefined;
}

const account = /^([a-z][a-z0-9-]*)-(?:function|push)@([a-z0-9-]+)\.iam\.gserviceaccount\.com$/;

/**
 * Refuses to deploy one deployment with the variables of another, which are in the shell for `baton` commands: its bucket, database and
 * queues would be taken over. `target`: what is decided of the one that is meant. Throws `CONFIGURATION_INVALID`.
 */
export function demandOwnShell(given: RawEnvironment, target: RawEnvironment): void {
  const found = deploymentOf(given);
  if (found === undefined) return;
  const { BATON_PROJECT: projectId, BATON_PREFIX: prefix = "baton" } = target;
  if (found.projectId === projectId && found.prefix === prefix) return;
  throw new BatonError(
    "CONFIGURATION_INVALID",
    `The variables of the deployment ${found.prefix} of the project ${found.projectId} are in this shell, and ${prefix} of ${projectId} is to be deployed`,
    {
      remedy:
        "Deploy from another shell, in which no infra/baton.….env was read: else this deployment gets the bucket, the database and the queues of that one.",
    },
  );
}

/** Of which deployment an environment has what only a deployment leaves; undefined: of none. */
function deploymentOf(given: RawEnvironment): Named | undefined {
  for (const name of ["BATON_SERVICE_ACCOUNT", "BATON_CALLERS"]) {
    const [, prefix, projectId] = account.exec(given[name] ?? "") ?? [];
    if (projectId !== undefined) return { projectId, prefix };
  }
  if (!given.BATON_SERVICE_ACCOUNT && !given.BATON_CALLERS && !given.BATON_AUDIENCE) return undefined;
  const { BATON_PROJECT, GOOGLE_CLOUD_PROJECT, BATON_PREFIX } = given;
  return { projectId: BATON_PROJECT || GOOGLE_CLOUD_PROJECT, prefix: BATON_PREFIX || "baton" };
}
