import { BatonError } from "../core/errors/errors.ts";
import { defaults, limits } from "../core/limits.ts";
import { CALLBACK_QUEUE, CONTROL_QUEUE } from "../core/messages.ts";
import { formatRate, subscriptionName, taskQueueName, topicName } from "../core/queues.ts";
import { taskSecretPrefix, taskSecretReferences } from "../core/template/secret-references.ts";
import { daySeconds } from "../core/values/time.ts";
import { queueNames } from "../core/workflow/definition.ts";
import type { DeployedWorkflow } from "../ports/catalog.ts";
import { accountResource, dataformType, namedDataformAccounts } from "../tasks/dataform.ts";
import { builtInTaskTypes } from "../tasks/index.ts";
import { FolderCatalog } from "../workflow/catalog.ts";
import type { BuiltWorkflow } from "../workflow/workflow.ts";
import { type DeploymentSettings, functionSettings } from "./settings.ts";
import type { Target } from "./target.ts";
import { functionSecrets } from "./variables-file.ts";

/** The parts that are deployed. */
export type Part = "infrastructure" | "function";

/** What is deployed, computed from the workflows and the environment alone. */
export type Deployment = Readonly<ReturnType<typeof planDeployment>>;

export function planDeployment(
  { configuration, settings, ownSecrets }: Pick<Target, "configuration" | "settings" | "ownSecrets">,
  workflows: readonly DeployedWorkflow[],
) {
  const { google, queues: limited } = configuration;
  const { projectId, prefix, location: region, databaseId, bucket, inboxBucket, dataset } = google;
  const { bigQueryLocation = region, functionTimeoutSeconds, completions } = google;
  const schedules = workflows.flatMap(({ definition: { workflowId }, triggers }) =>
    triggers.flatMap((trigger) => {
      if (trigger.type !== "schedule") return [];
      return [{ workflowId, cron: trigger.cron, timeZone: trigger.timeZone }];
    }),
  );
  const fileTriggers = workflows.flatMap(({ definition: { workflowId }, triggers }) =>
    triggers.flatMap((trigger) => {
      if (trigger.type !== "fileDrop") return [];
      return [{ workflowId, pattern: trigger.pattern, bucket: trigger.bucket ?? null }];
    }),
  );
  const queues = [...queueNames(workflows), ...settings.BATON_DEPLOY_QUEUES, ...limited.keys()];
  const accounts = [...namedDataformAccounts(workflows).named, ...configuration.dataform.accounts];
  return {
    ...{ projectId, region, prefix, databaseId, bucket, inboxBucket, dataset, bigQueryLocation },
    workflowIds: workflows.map(({ definition }) => definition.workflowId).sort(),
    /** Sorted, with the default queue. */
    queues: [...new Set([defaults.queue, ...queues])].sort(),
    /** `concurrency`: tasks that run at once in all instances together. `rate`: such as `2/s`; null for no limit. */
    queueLimits: [...limited]
      .map(([queue, { concurrency, rate }]) => ({ queue, concurrency, rate: rate ? formatRate(rate) : null }))
      .sort((one, other) => (one.queue < other.queue ? -1 : 1)),
    schedules,
    /** `bucket` is null for any bucket with notifications. */
    fileTriggers,
    /** Whether workflows of the folder, or applied ones, have schedules. */
    hasSchedules: schedules.length > 0 || settings.BATON_DEPLOY_SCHEDULES,
    /** Whether workflows of the folder, or applied ones, have file triggers. */
    announcesFiles: fileTriggers.length > 0 || settings.BATON_DEPLOY_FILE_TRIGGERS,
    firestoreLocation: settings.BATON_DEPLOY_FIRESTORE_LOCATION ?? region,
    functionName: settings.BATON_DEPLOY_FUNCTION ?? prefix,
    functionTimeoutSeconds,
    leaseSeconds: configuration.leaseSeconds,
    retentionDays: Math.ceil(google.retentionSeconds / daySeconds),
    function: functionSettings(settings, functionTimeoutSeconds),
    settings,
    usesPowerBi: configuration.powerBi !== undefined,
    usesDataform: workflows.some(usesDataform) || settings.BATON_DEPLOY_DATAFORM,
    /** E-mail addresses of the accounts that Dataform's actions run as. */
    dataformAccounts: [...new Set(accounts)].sort(),
    tracing: configuration.traces !== undefined,
    /** Null: no console of its own is deployed. `operators`: the people who may change something with it. */
    console: settings.BATON_DEPLOY_CONSOLE
      ? { service: `${prefix}-console`, operators: settings.BATON_CONSOLE_OPERATORS }
      : null,
    /** How the end of a task reaches its children. */
    completions,
    /** The user's own secrets by their variable, as `gcloud run deploy --set-secrets` takes them. */
    ownSecrets,
  };
}

function usesDataform({ definition }: Pick<BuiltWorkflow, "definition">): boolean {
  return definition.tasks.some(({ type }) => type === dataformType.type);
}

/** The accounts that the infrastructure creates. */
export function serviceAccountEmail(
  { prefix, projectId }: Pick<Deployment, "prefix" | "projectId">,
  role: "function" | "push" | "build" | "deployer" | "console",
): string {
  return `${prefix}-${role}@${projectId}.iam.gserviceaccount.com`;
}

/** The name of a deployment, and of its Terraform workspace. Neither part can hold an underscore, so it is unique. */
export function deploymentName({ projectId, prefix }: Pick<Deployment, "projectId" | "prefix">): string {
  return `${projectId}_${prefix}`;
}

/** In the project's folder. */
export const infrastructureFolder = "infra";

/** The files that a deployment writes. Each has its own: several may run in one folder at the same time. */
export function deploymentFiles(deployment: Pick<Deployment, "projectId" | "prefix">) {
  const name = deploymentName(deployment);
  return {
    /** In the folder `infra`, like the plan. */
    terraformVariables: `baton.${name}.tfvars.json`,
    terraformPlan: `baton.${name}.tfplan`,
    /** The variables of the function, for gcloud. Its path starts at the project's folder, like those below. */
    functionVariables: `infra/baton.${name}.function.yaml`,
    consoleVariables: `infra/baton.${name}.console.yaml`,
    /** The variables for commands that look at the deployment. */
    commandVariables: `infra/baton.${name}.env`,
    /** The folder that is deployed, made by `baton pack`. */
    package: `dist-package.${name}`,
  } as const;
}

/** The variables of `infra/variables*.tf`. For an empty name, the infrastructure uses the default. */
export function terraformVariables(deployment: Deployment) {
  const { settings, projectId } = deployment;
  const usual = `${projectId}-${deployment.prefix}`;
  return {
    project: projectId,
    region: deployment.region,
    prefix: deployment.prefix,
    queues: deployment.queues,
    queue_limits: Object.fromEntries(deployment.queueLimits.map(({ queue, ...limit }) => [queue, limit])),
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
    completions: deployment.completions,
    power_bi: deployment.usesPowerBi,
    dataform: deployment.usesDataform,
    dataform_accounts: deployment.dataformAccounts.map((account) => accountResource(account, projectId)),
    console: deployment.console !== null,
    console_acts: deployment.console !== null && deployment.console.operators.length > 0,
  };
}

/** The variables by which a deployment meets the needs of an applied workflow; it does not see such workflows. */
export function appliedNeeds({
  definition,
  triggers,
}: Pick<BuiltWorkflow, "definition" | "triggers">): Readonly<Record<string, string>> {
  const queues = [...queueNames([{ definition }])].filter((queue) => queue !== defaults.queue).sort();
  const accounts = namedDataformAccounts([{ definition }]).named;
  const secrets = taskSecretReferences([{ definition }]);
  const isTriggeredBy = (type: "fileDrop" | "schedule") => triggers.some((trigger) => trigger.type === type);
  return {
    ...(queues.length > 0 && { BATON_DEPLOY_QUEUES: queues.join(",") }),
    ...(isTriggeredBy("fileDrop") && { BATON_DEPLOY_FILE_TRIGGERS: "true" }),
    ...(isTriggeredBy("schedule") && { BATON_DEPLOY_SCHEDULES: "true" }),
    ...(usesDataform({ definition }) && { BATON_DEPLOY_DATAFORM: "true" }),
    ...(accounts.length > 0 && { BATON_DATAFORM_ACCOUNTS: accounts.join(",") }),
    ...Object.fromEntries(secrets.map(({ name }) => [`${taskSecretPrefix}${name}`, "secret:<name>"])),
  };
}

/** The workflows that can be read, which is enough for a removal. */
export async function readableWorkflows(folder: string): Promise<readonly DeployedWorkflow[]> {
  return new FolderCatalog({ folder, taskTypes: builtInTaskTypes }).all().catch(() => []);
}

/** Throws `WORKFLOW_INVALID` with every problem, `DEPLOY_NOTHING` and `WORKFLOW_FOLDER_MISSING`. */
export async function loadWorkflows(folder: string): Promise<readonly DeployedWorkflow[]> {
  const catalog = new FolderCatalog({ folder, taskTypes: builtInTaskTypes });
  const workflows = await catalog.all();
  const problems = await catalog.problems();
  const lines = problems.map(({ code, message, where }) => `${where}: ${code}: ${message}`);
  if (lines.length > 0)
    throw new BatonError("WORKFLOW_INVALID", `Nothing was deployed:\n${lines.join("\n")}`);
  if (workflows.length > 0) return workflows;
  throw new BatonError("DEPLOY_NOTHING", "There is no workflow", { where: folder });
}

type Row = readonly [kind: string, name: string, purpose: string];

const functionKind = "Cloud Run function";
const consoleKind = "Cloud Run service";

const deployedByGcloud: ReadonlySet<string> = new Set([functionKind, consoleKind]);

/** A bucket that existed before, and stays. */
export const existingBucket = "existing bucket";

/** What parts of a deployment create, without grants, indexes, alerts and the dashboard. Terraform's plan lists all. */
export function listResources(deployment: Deployment, parts: readonly Part[]) {
  const { prefix, region, projectId, inboxBucket, queueLimits, announcesFiles } = deployment;
  const topic = (queue: string, purpose: string): Row[] => [
    ["Pub/Sub topic", topicName(prefix, queue), purpose],
    ["Pub/Sub subscription", subscriptionName(topicName(prefix, queue)), "pushes them to the function"],
  ];
  const account = (role: Parameters<typeof serviceAccountEmail>[1], purpose: string): Row => {
    return ["service account", serviceAccountEmail(deployment, role), purpose];
  };
  const limited = queueLimits.map(({ queue, concurrency, rate }): Row => {
    const limit = `${concurrency} at once, ${rate ?? "without a limit on the rate"}`;
    return ["Cloud Tasks queue", taskQueueName(prefix, queue), `tasks of the queue ${queue}: ${limit}`];
  });
  const secrets = functionSecrets(deployment).map(([variable, secret]): Row => {
    return ["secret", secret, `the function's ${variable}`];
  });
  const inboxKind = inboxBucket === `${projectId}-${prefix}-inbox` ? "bucket" : existingBucket;
  const inboxPurpose = announcesFiles
    ? "files dropped here start workflows"
    : "files; none starts a workflow";
  const acts = deployment.console?.operators.length
    ? "reads, and changes what operators change"
    : "only reads";
  const consoleRows: readonly Row[] = deployment.console
    ? [
        account("console", `the console: ${acts}`),
        [
          consoleKind,
          `${deployment.console.service} (${region})`,
          "the console, behind Identity-Aware Proxy",
        ],
      ]
    : [];
  const database = `${deployment.databaseId} (${deployment.firestoreLocation})`;
  const dataset = `${deployment.dataset} (${deployment.bigQueryLocation})`;
  const rows: readonly Row[] = [
    ["Firestore database", database, "batches, TaskLogs, keys, callbacks"],
    ...topic(CONTROL_QUEUE, "completions, starts, sweeps, files"),
    ...topic(CALLBACK_QUEUE, "callbacks to send"),
    ...deployment.queues.flatMap((queue) => topic(queue, `tasks of the queue ${queue}`)),
    ["Pub/Sub topic", `${prefix}-dead-letters`, "messages that failed at a hundred deliveries"],
    ["Pub/Sub subscription", `${prefix}-dead-letters`, "keeps them until a person reads them"],
    ["Cloud Tasks queue", `${prefix}-timers`, "delayed messages: retries, sleeps, polls"],
    ...limited,
    ["Cloud Scheduler job", `${prefix}-sweep`, "every minute: finds lost work"],
    ["Cloud Scheduler job", `${prefix}-tick`, "every minute: starts the due schedules"],
    ["bucket", deployment.bucket, "large results, reports, dead letters, definitions"],
    [inboxKind, inboxBucket, inboxPurpose],
    ["BigQuery dataset", dataset, "tables of tasks, the archive of callbacks"],
    ...secrets,
    account("function", "the function, and what Cloud Tasks publishes"),
    account("push", "may call the function, and nothing else"),
    account("build", "builds the image of the function"),
    account("deployer", "deploys from Cloud Build"),
    ["Artifact Registry repository", `${prefix} (${region})`, "images of the function"],
    [functionKind, `${deployment.functionName} (${region})`, "runs the tasks"],
    ...consoleRows,
  ];
  return rows
    .filter(([kind]) => parts.includes(deployedByGcloud.has(kind) ? "function" : "infrastructure"))
    .map(([kind, name, purpose]) => ({ kind, name, purpose }));
}

/** USD a month without minimum instances: the sum of the table in docs/deploy.md; a test compares them. */
const idleDollars = 0.76;

/** What a deployment costs while nothing happens, in words. */
export function idleCostText({ BATON_DEPLOY_MIN_INSTANCES: count }: DeploymentSettings): string {
  const more =
    count === 0 ? "nearly nothing within the free tiers" : `and the price of ${count} idle instances`;
  return `about ${idleDollars} USD a month while idle at list prices, ${more}; docs/deploy.md has the arithmetic`;
}
