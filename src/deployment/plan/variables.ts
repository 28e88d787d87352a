import { limits } from "../../core/limits.ts";
import { accountResource } from "../../tasks/dataform-accounts.ts";
import type { Deployment } from "./plan.ts";
import { queueLimitsVariable } from "./queue-limits.ts";

/** The variables of `infra/variables.tf`. An empty name lets the infrastructure make the usual one. */
export function terraformVariables(deployment: Deployment) {
  const { settings } = deployment;
  const usual = `${deployment.projectId}-${deployment.prefix}`;
  return {
    project: deployment.projectId,
    region: deployment.region,
    prefix: deployment.prefix,
    queues: deployment.queues,
    queue_limits: queueLimitsVariable(deployment.queueLimits),
    bucket: deployment.bucket === usual ? "" : deployment.bucket,
    inbox_bucket: deployment.inboxBucket === `${usual}-inbox` ? "" : deployment.inboxBucket,
    database: deployment.databaseId,
    firestore_location: deployment.firestoreLocation,
    dataset: deployment.dataset,
    bigquery_location: deployment.bigQueryLocation,
    function_name: deployment.functionName,
    function_timeout_seconds: deployment.functionTimeoutSeconds,
    ack_deadline_seconds: limits.deliveryDeadlineSeconds,
    lease_seconds: deployment.leaseSeconds,
    completions: deployment.completions,
    retention_days: deployment.retentionDays,
    max_instances: settings.BATON_DEPLOY_MAX_INSTANCES,
    min_instances: settings.BATON_DEPLOY_MIN_INSTANCES,
    concurrency: settings.BATON_DEPLOY_CONCURRENCY,
    cpu: settings.BATON_DEPLOY_CPU,
    memory: settings.BATON_DEPLOY_MEMORY,
    has_schedules: deployment.hasSchedules,
    file_triggers: deployment.announcesFiles,
    alert_emails: settings.BATON_DEPLOY_ALERT_EMAILS,
    alert_failed_batches: settings.BATON_DEPLOY_ALERT_FAILED_BATCHES,
    budget_amount: settings.BATON_DEPLOY_BUDGET,
    billing_account: settings.BATON_DEPLOY_BILLING_ACCOUNT ?? "",
    delete_protection: settings.BATON_DEPLOY_DELETE_PROTECTION,
    tracing: deployment.tracing,
    power_bi: deployment.usesPowerBi,
    dataform: deployment.usesDataform,
    dataform_accounts: deployment.dataformAccounts.map((account) =>
      accountResource(account, deployment.projectId),
    ),
  };
}

/** As it is written for Terraform. */
export function variablesText(deployment: Deployment): string {
  return `${JSON.stringify(terraformVariables(deployment), null, 2)}\n`;
}
