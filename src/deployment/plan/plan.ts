import type { GoogleConfiguration } from "../../composition/google-configuration.ts";
import { queuesNamedBy } from "../../core/definition.ts";
import { defaults } from "../../core/limits.ts";
import type { QueueSettings } from "../../core/queues.ts";
import { daySeconds } from "../../core/time.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { dataformType } from "../../tasks/dataform.ts";
import { dataformAccountsOf } from "../../tasks/dataform-accounts.ts";
import type { DeploymentSettings } from "../target/settings.ts";
import type { Target } from "../target/target.ts";
import { type FunctionSetting, functionSettings } from "./function-settings.ts";
import { type QueueLimit, queueLimits } from "./queue-limits.ts";

/** The parts that are deployed. */
export type Part = "infrastructure" | "function";

/** A workflow that is started by the clock. Looked at by the message `tick`, every minute. */
interface DeployedSchedule {
  readonly workflowId: string;
  readonly cron: string;
  readonly timeZone: string;
}

/** A workflow that is started by files. */
interface DeployedFileTrigger {
  readonly workflowId: string;
  readonly pattern: string;
  /** Null: any bucket that announces its files. */
  readonly bucket: string | null;
}

/** What is deployed: computed from the workflows and the environment, and from nothing else. Times are seconds. */
export interface Deployment {
  readonly projectId: string;
  readonly region: string;
  readonly prefix: string;
  readonly workflowIds: readonly string[];
  /** Sorted; the default one is always there. */
  readonly queues: readonly string[];
  /** Those of them that have limits of their own. */
  readonly queueLimits: readonly QueueLimit[];
  readonly schedules: readonly DeployedSchedule[];
  readonly fileTriggers: readonly DeployedFileTrigger[];
  /** Somebody is told when schedules are not looked at: those above, or of workflows that are not in the folder. */
  readonly hasSchedules: boolean;
  /** The inbox announces its files, to those above, or to workflows that are not in the folder. */
  readonly announcesFiles: boolean;
  readonly databaseId: string;
  readonly firestoreLocation: string;
  readonly bucket: string;
  readonly inboxBucket: string;
  readonly dataset: string;
  readonly bigQueryLocation: string;
  readonly functionName: string;
  readonly functionTimeoutSeconds: number;
  readonly leaseSeconds: number;
  readonly retentionDays: number;
  /** How the ending of a task reaches its children. */
  readonly completions: GoogleConfiguration["completions"];
  readonly function: readonly FunctionSetting[];
  readonly settings: DeploymentSettings;
  readonly usesPowerBi: boolean;
  readonly usesDataform: boolean;
  /** E-mail addresses of those that Dataform's actions run as. */
  readonly dataformAccounts: readonly string[];
  readonly tracing: boolean;
  /** Secrets of one's own by their variable, as `gcloud run deploy --set-secrets` takes them. */
  readonly ownSecrets: Readonly<Record<string, string>>;
}

export function planDeployment(
  { configuration, settings, ownSecrets }: Pick<Target, "configuration" | "settings" | "ownSecrets">,
  workflows: readonly DeployedWorkflow[],
): Deployment {
  const { google } = configuration;
  const starts = startsOf(workflows);
  return {
    projectId: google.projectId,
    region: google.location,
    prefix: google.prefix,
    workflowIds: workflows.map(({ definition }) => definition.workflowId).sort(),
    queues: queuesOf(workflows, settings, configuration.queues),
    queueLimits: queueLimits(configuration.queues),
    ...starts,
    hasSchedules: starts.schedules.length > 0 || settings.BATON_DEPLOY_SCHEDULES,
    announcesFiles: starts.fileTriggers.length > 0 || settings.BATON_DEPLOY_FILE_TRIGGERS,
    databaseId: google.databaseId,
    firestoreLocation: settings.BATON_DEPLOY_FIRESTORE_LOCATION ?? google.location,
    bucket: google.bucket,
    inboxBucket: google.inboxBucket,
    dataset: google.dataset,
    bigQueryLocation: google.bigQueryLocation ?? google.location,
    functionName: settings.BATON_DEPLOY_FUNCTION ?? google.prefix,
    functionTimeoutSeconds: google.functionTimeoutSeconds,
    leaseSeconds: configuration.leaseSeconds,
    completions: google.completions,
    retentionDays: Math.ceil(google.retentionSeconds / daySeconds),
    function: functionSettings(settings, google.functionTimeoutSeconds),
    settings,
    usesPowerBi: configuration.powerBi !== undefined,
    usesDataform:
      workflows.some(({ definition }) => definition.tasks.some(({ type }) => type === dataformType.type)) ||
      settings.BATON_DEPLOY_DATAFORM,
    dataformAccounts: [
      ...new Set([...dataformAccountsOf(workflows).named, ...configuration.dataform.accounts]),
    ].sort(),
    tracing: configuration.traces !== undefined,
    ownSecrets,
  };
}

/** The accounts that the infrastructure makes. */
export function accountOf(
  { prefix, projectId }: Pick<Deployment, "prefix" | "projectId">,
  role: "function" | "push" | "build" | "deployer",
): string {
  return `${prefix}-${role}@${projectId}.iam.gserviceaccount.com`;
}

function queuesOf(
  workflows: readonly DeployedWorkflow[],
  settings: DeploymentSettings,
  limited: ReadonlyMap<string, QueueSettings>,
): readonly string[] {
  const named = queuesNamedBy(workflows);
  return [...new Set([defaults.queue, ...named, ...settings.BATON_DEPLOY_QUEUES, ...limited.keys()])].sort();
}

function startsOf(workflows: readonly DeployedWorkflow[]) {
  const schedules: DeployedSchedule[] = [];
  const fileTriggers: DeployedFileTrigger[] = [];
  for (const { definition, triggers } of workflows)
    for (const trigger of triggers) {
      const { workflowId } = definition;
      if (trigger.type === "schedule")
        schedules.push({ workflowId, cron: trigger.cron, timeZone: trigger.timeZone });
      else fileTriggers.push({ workflowId, pattern: trigger.pattern, bucket: trigger.bucket ?? null });
    }
  return { schedules, fileTriggers };
}
