import { defaults } from "../../core/limits.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { dataformType } from "../../tasks/dataform.ts";
import { type FunctionSetting, functionSettings } from "./function-settings.ts";
import type { DeploymentSettings } from "./settings.ts";
import type { Target } from "./target.ts";

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
  readonly schedules: readonly DeployedSchedule[];
  readonly fileTriggers: readonly DeployedFileTrigger[];
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
  readonly function: readonly FunctionSetting[];
  readonly settings: DeploymentSettings;
  readonly usesPowerBi: boolean;
  readonly usesDataform: boolean;
  readonly tracing: boolean;
}

const daySeconds = 86_400;

export function planDeployment(
  { configuration, settings }: Pick<Target, "configuration" | "settings">,
  workflows: readonly DeployedWorkflow[],
): Deployment {
  const { google } = configuration;
  return {
    projectId: google.projectId,
    region: google.location,
    prefix: google.prefix,
    workflowIds: workflows.map(({ definition }) => definition.workflowId).sort(),
    queues: queuesOf(workflows, settings),
    ...startsOf(workflows),
    databaseId: google.databaseId,
    firestoreLocation: settings.BATON_DEPLOY_FIRESTORE_LOCATION ?? google.location,
    bucket: google.bucket,
    inboxBucket: google.inboxBucket,
    dataset: google.dataset,
    bigQueryLocation: google.bigQueryLocation ?? google.location,
    functionName: settings.BATON_DEPLOY_FUNCTION ?? google.prefix,
    functionTimeoutSeconds: google.functionTimeoutSeconds,
    leaseSeconds: configuration.leaseSeconds,
    retentionDays: Math.ceil(google.retentionSeconds / daySeconds),
    function: functionSettings(settings, google.functionTimeoutSeconds),
    settings,
    usesPowerBi: configuration.powerBi !== undefined,
    usesDataform: tasksOf(workflows).some(({ type }) => type === dataformType.type),
    tracing: configuration.traces !== undefined,
  };
}

/** The accounts that the infrastructure makes. */
export function accountOf(
  { prefix, projectId }: Pick<Deployment, "prefix" | "projectId">,
  role: "function" | "push" | "build" | "deployer",
): string {
  return `${prefix}-${role}@${projectId}.iam.gserviceaccount.com`;
}

function tasksOf(workflows: readonly DeployedWorkflow[]) {
  return workflows.flatMap(({ definition }) => definition.tasks);
}

function queuesOf(workflows: readonly DeployedWorkflow[], settings: DeploymentSettings): readonly string[] {
  const named = tasksOf(workflows).map(({ queue }) => queue);
  return [...new Set([defaults.queue, ...named, ...settings.BATON_DEPLOY_QUEUES])].sort();
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
