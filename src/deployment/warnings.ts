import { cutTimeouts } from "../core/attempt-time.ts";
import { queuesNamedBy } from "../core/definition.ts";
import { daySeconds } from "../core/time.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import { dataformAccountsOf } from "../tasks/dataform-accounts.ts";
import type { Deployment } from "./plan.ts";

/** What works, but is perhaps not meant. */
export function planWarnings(deployment: Deployment, workflows: readonly DeployedWorkflow[]): string[] {
  return [
    ...sharedNameWarnings(deployment),
    ...sampleWarnings(deployment),
    ...unusedLimitWarnings(deployment, workflows),
    ...expiredCallbackWarnings(deployment, workflows),
    ...unnamedAccountWarnings(deployment, workflows),
    ...cutTimeouts(workflows, deployment.functionTimeoutSeconds),
    ...(deployment.settings.BATON_DEPLOY_ALERT_EMAILS.length > 0
      ? []
      : [
          "BATON_DEPLOY_ALERT_EMAILS is not set: alerts are sent to no one, and are seen in the console only",
        ]),
  ];
}

/** Names that a second deployment in the same project would share with one of the usual prefix. */
function sharedNameWarnings({ prefix, databaseId, dataset }: Deployment): string[] {
  const shared = [
    ...(databaseId === "(default)" ? [`BATON_DATABASE (it is ${databaseId})`] : []),
    ...(dataset === "baton" ? [`BATON_DATASET (it is ${dataset})`] : []),
  ];
  if (prefix === "baton" || shared.length === 0) return [];
  return [
    `The prefix is ${prefix}, and ${shared.join(" and ")} did not change with it: if the project has a deployment with the prefix baton too, or a database already, set what is named here as well`,
  ];
}

/** Workflows of functions/workflows, without `greet`, which the smoke test of `cloudbuild.yaml` starts; a test compares. */
export const sampleWorkflowIds: ReadonlySet<string> = new Set([
  "account-enrichment",
  "cleanup_old_data",
  "contributions-analysis",
  "contributions-refresh",
  "generate_analytics_report",
  "process_document",
  "sales-refresh",
  "scrape_website",
  "search-index",
  "send_notification",
]);

function sampleWarnings({ workflowIds }: Deployment): string[] {
  const samples = workflowIds.filter((id) => sampleWorkflowIds.has(id));
  if (samples.length === 0) return [];
  return [
    `${samples.join(", ")}: samples of Baton, which are deployed like all in functions/workflows. Some call made-up addresses, and some keep data on the disk of an instance, which is lost with it. To leave them out, keep your own workflows in another folder below functions/, and name that by BATON_WORKFLOWS: docs/deploy.md#your-own-workflows`,
  ];
}

/** Nearly always a misspelt name. */
function unusedLimitWarnings({ queueLimits, settings }: Deployment, workflows: readonly DeployedWorkflow[]) {
  const named = new Set([...queuesNamedBy(workflows), ...settings.BATON_DEPLOY_QUEUES]);
  return queueLimits
    .filter(({ queue }) => !named.has(queue))
    .map(
      ({ queue }) =>
        `No workflow of the folder has a task in the queue ${queue}, which BATON_QUEUES limits. If applied workflows have, name it in BATON_DEPLOY_QUEUES as well`,
    );
}

/** A call that gets a cached result has its callback sent again, unless that was deleted after the retention. */
function expiredCallbackWarnings({ retentionDays }: Deployment, workflows: readonly DeployedWorkflow[]) {
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

function unnamedAccountWarnings({ dataformAccounts }: Deployment, workflows: readonly DeployedWorkflow[]) {
  const { named, unnamed } = dataformAccountsOf(workflows);
  if (unnamed.length === 0 || dataformAccounts.length > named.length) return [];
  return [
    `${unnamed.join(", ")}: no account is named that Dataform's actions run as. Dataform refuses to run them for a caller that may not act as it: give the tasks serviceAccount, or name the accounts of their repositories in BATON_DATAFORM_ACCOUNTS`,
  ];
}
