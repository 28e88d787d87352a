import { cutTimeouts } from "../../core/attempt-time.ts";
import { queuesNamedBy } from "../../core/definition.ts";
import { daySeconds } from "../../core/time.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { dataformAccountsOf } from "../../tasks/dataform-accounts.ts";
import type { Deployment } from "./plan.ts";
import { sampleWorkflowIds } from "./samples.ts";

/** What works, but is perhaps not what was meant. */
export function planWarnings(deployment: Deployment, workflows: readonly DeployedWorkflow[]): string[] {
  return [
    ...sharedNameWarnings(deployment),
    ...sampleWarnings(deployment),
    ...unnamedQueueWarnings(deployment, workflows),
    ...forgottenCallbackWarnings(deployment, workflows),
    ...unnamedAccountWarnings(deployment, workflows),
    ...cutTimeouts(workflows, deployment.functionTimeoutSeconds),
    ...(deployment.settings.BATON_DEPLOY_ALERT_EMAILS.length > 0
      ? []
      : [
          "BATON_DEPLOY_ALERT_EMAILS is not set: nobody is told of alerts, they are seen in the console only",
        ]),
  ];
}

/** The names of a deployment with the usual prefix: it can't be made a second time in its project. */
const usual = { prefix: "baton", databaseId: "(default)", dataset: "baton" } as const;

function sharedNameWarnings({ prefix, databaseId, dataset }: Deployment): string[] {
  if (prefix === usual.prefix) return [];
  const shared = [
    ...(databaseId === usual.databaseId ? [`BATON_DATABASE (it is ${databaseId})`] : []),
    ...(dataset === usual.dataset ? [`BATON_DATASET (it is ${dataset})`] : []),
  ];
  if (shared.length === 0) return [];
  return [
    `The prefix is ${prefix}, and ${shared.join(" and ")} did not change with it: if the project has a deployment with the prefix ${usual.prefix} too, or a database already, set what is named here as well`,
  ];
}

/** The one that the smoke test of `cloudbuild.yaml` starts: it keeps nothing. */
const smokeWorkflow = "greet";

function sampleWarnings({ workflowIds }: Deployment): string[] {
  const samples = workflowIds.filter((id) => sampleWorkflowIds.includes(id) && id !== smokeWorkflow);
  if (samples.length === 0) return [];
  return [
    `${samples.join(", ")}: samples of Baton, which are deployed like all in functions/workflows. Some call made-up addresses, and some keep data on the disk of an instance, which is lost with it. To leave them out, keep your own workflows in another folder below functions/, and name that by BATON_WORKFLOWS: docs/deploy.md#your-own-workflows`,
  ];
}

/** Such a limit is kept, but no task is bound by it: nearly always a name is written wrong. */
function unnamedQueueWarnings({ queueLimits, settings }: Deployment, workflows: readonly DeployedWorkflow[]) {
  const named = new Set([...queuesNamedBy(workflows), ...settings.BATON_DEPLOY_QUEUES]);
  return queueLimits
    .filter(({ queue }) => !named.has(queue))
    .map(
      ({ queue }) =>
        `No workflow of the folder has a task in the queue ${queue}, which BATON_QUEUES limits. If applied workflows have, name it in BATON_DEPLOY_QUEUES as well`,
    );
}

/** A call that gets a cached result has its callback sent again, which is deleted after the retention. */
function forgottenCallbackWarnings(
  { retentionDays }: Deployment,
  workflows: readonly DeployedWorkflow[],
): string[] {
  return workflows.flatMap(({ definition: { workflowId, tasks } }) =>
    tasks
      .filter(({ callback, idempotency }) => {
        if (!callback || !idempotency || idempotency.recurring) return false;
        return idempotency.ttlSeconds > retentionDays * daySeconds;
      })
      .map(
        ({ id }) =>
          `Task ${id} of ${workflowId} gives its result out for longer (ttl) than callbacks are kept (BATON_RETENTION, ${retentionDays} days): a call that comes after that is not told of it`,
      ),
  );
}

/** Accounts that are in no workflow are nothing that a deployment can grant anything on. */
function unnamedAccountWarnings({ dataformAccounts }: Deployment, workflows: readonly DeployedWorkflow[]) {
  const { named, unnamed } = dataformAccountsOf(workflows);
  if (unnamed.length === 0 || dataformAccounts.length > named.length) return [];
  return [
    `${unnamed.join(", ")}: no account is named that Dataform's actions run as. Dataform refuses to run them for a caller that may not act as it: give the tasks serviceAccount, or name the accounts of their repositories in BATON_DATAFORM_ACCOUNTS`,
  ];
}
