import * as z from "zod";
import { errorCatalog } from "../core/errors/error-catalog.ts";
import { BatonError } from "../core/errors/errors.ts";
import { accountAddress, type InfrastructureCommands } from "./commands.ts";
import { type Deployment, deploymentName, serviceAccountEmail } from "./plan.ts";
import type { Deploying } from "./prepare.ts";
import { commandLine, readJson, type StateResource } from "./tools.ts";

/** What an apply would do to one resource. */
const ChangeSchema = z
  .object({
    address: z.string(),
    type: z.string(),
    /** A replacement is a deletion and a creation. */
    change: z.object({ actions: z.array(z.string()) }),
    action_reason: z.string().optional(),
  })
  .transform(({ change: { actions }, action_reason: reason, ...resource }) => {
    // A failed apply left it tainted, and it is replaced for that reason alone.
    return { ...resource, actions, isTainted: reason === "replace_because_tainted" };
  });
type PlannedChange = z.infer<typeof ChangeSchema>;

const PlanSchema = z.object({ resource_changes: z.array(ChangeSchema).default([]) });

/** Reads the plan that was just made. Throws `DEPLOY_FAILED`. */
export async function plannedChanges({ infrastructure, steps }: Deploying) {
  return (await readJson(steps, infrastructure.changes, PlanSchema, "the plan can't be read"))
    .resource_changes;
}

const ResourceSchema = z.object({
  address: z.string(),
  mode: z.string().default("managed"),
  type: z.string(),
  tainted: z.boolean().default(false),
  values: z.record(z.string(), z.unknown()).default({}),
});
type Resource = z.infer<typeof ResourceSchema>;

const ModuleSchema = z.object({
  resources: z.array(ResourceSchema).default([]),
  get child_modules() {
    return z.array(ModuleSchema).default([]);
  },
});

/** An empty state has no values. */
const StateSchema = z
  .object({ values: z.object({ root_module: ModuleSchema.prefault({}) }).prefault({}) })
  .transform(({ values }) => resourcesIn(values.root_module).filter(({ mode }) => mode === "managed"));

function resourcesIn({ resources, child_modules: inner }: z.infer<typeof ModuleSchema>): Resource[] {
  return [...resources, ...inner.flatMap(resourcesIn)];
}

/** The managed resources of the state, those of modules included. Throws `DEPLOY_FAILED`. */
export function readState({ infrastructure, steps }: Deploying): Promise<readonly Resource[]> {
  return readJson(steps, infrastructure.state, StateSchema, "the state can't be read");
}

/** Grants, alerts, indexes and the like, which are shown by their type. */
export const otherKind = "other";

/** Resources with data, or without which messages are lost, in the order in which they are shown. */
const kinds: readonly (readonly [type: string, kind: string, nameField: string])[] = [
  ["google_firestore_database", "Firestore database", "name"],
  ["google_storage_bucket", "bucket", "name"],
  ["google_bigquery_dataset", "BigQuery dataset", "dataset_id"],
  ["google_bigquery_table", "BigQuery table", "table_id"],
  ["google_secret_manager_secret", "secret", "secret_id"],
  ["google_pubsub_topic", "Pub/Sub topic", "name"],
  ["google_pubsub_subscription", "Pub/Sub subscription", "name"],
  ["google_cloud_tasks_queue", "Cloud Tasks queue", "name"],
  ["google_artifact_registry_repository", "Artifact Registry repository", "repository_id"],
  ["google_cloud_scheduler_job", "Cloud Scheduler job", "name"],
  ["google_service_account", "service account", "email"],
];

/** The resources that a removal deletes. Services stay enabled when they leave the state: infra/apis.tf. */
export function shownResources(state: readonly Resource[]): readonly StateResource[] {
  const rank = (type: string) => (kinds.findIndex(([known]) => known === type) + 1 || kinds.length + 1) - 1;
  return state
    .filter(({ type }) => type !== "google_project_service")
    .toSorted((one, other) => rank(one.type) - rank(other.type))
    .map(({ type, address, values }) => {
      const [, kind, nameField = ""] = kinds[rank(type)] ?? [];
      if (kind === undefined) return { kind: otherKind, name: type.replace(/^google_/, ""), address };
      return { kind, name: String(values[nameField] ?? address), address };
    });
}

/** The fields that `delete_protection` sets, and their values while a resource is protected. */
const protections: readonly (readonly [field: string, value: unknown])[] = [
  ["delete_protection_state", "DELETE_PROTECTION_ENABLED"],
  ["deletion_protection", true],
  ["force_destroy", false],
  ["delete_contents_on_destroy", false],
];

/** Resources that can't be deleted before an apply has lifted their protection. */
export function protectedResources(state: readonly Resource[]): readonly Resource[] {
  return state.filter(({ values }) => protections.some(([field, value]) => values[field] === value));
}

/** Jobs and accounts hold no data and lose no messages: an upgrade may replace them. */
const replaceable: ReadonlySet<string> = new Set(["google_cloud_scheduler_job", "google_service_account"]);
const precious: ReadonlySet<string> = new Set([
  "google_secret_manager_secret_version",
  ...kinds.map(([type]) => type).filter((type) => !replaceable.has(type)),
]);

/**
 * Stops a deployment that would delete data. Nearly always its variables were forgotten, so that names have their
 * defaults, or a failed apply left resources tainted. Throws `DEPLOY_WOULD_DELETE`.
 */
export function assertNoDeletions(commands: InfrastructureCommands, changes: readonly PlannedChange[]): void {
  const deleted = changes.filter(({ type, actions }) => precious.has(type) && actions.includes("delete"));
  if (deleted.length === 0) return;
  const tainted = deleted.filter(({ isTainted }) => isTainted);
  const named = deleted.map(({ address, isTainted }) =>
    isTainted ? `${address}, which the last apply left tainted` : address,
  );
  const { remedy: usual } = errorCatalog.DEPLOY_WOULD_DELETE;
  const untaint = [
    "The last apply left these resources tainted. Keep them with these commands, then deploy again:",
    ...tainted.map(({ address }) => `  ${commandLine(commands.untaint(address))}`),
    ...(tainted.length === deleted.length ? [] : [`For the others: ${usual}`]),
  ].join("\n");
  throw new BatonError("DEPLOY_WOULD_DELETE", `This would delete ${named.join(", ")}`, {
    where: `${commandLine(commands.apply)} deletes them`,
    remedy: tainted.length === 0 ? usual : untaint,
  });
}

/**
 * Refuses to deploy if the function exists but this machine has no Terraform state for it: Terraform would try to
 * create everything again and fail half-way. Throws `DEPLOY_STATE_MISSING`.
 */
export function assertStateToDeploy(deployment: Deployment, changes: readonly PlannedChange[]): void {
  const account = changes.find(({ address }) => address === accountAddress);
  const isNew = account?.actions.every((action) => action === "create") === true;
  if (isNew) throw stateMissing(deployment, "Nothing was changed");
}

/** Refuses to delete the function alone, if the state is that of another deployment. Throws `DEPLOY_STATE_MISSING`. */
export function assertStateToRemove(deployment: Deployment, found: readonly StateResource[]): void {
  const account = serviceAccountEmail(deployment, "function");
  const owns = found.some(({ address, name }) => address === accountAddress && name === account);
  if (!owns) throw stateMissing(deployment, "Nothing was deleted");
}

function stateMissing(deployment: Deployment, outcome: string): BatonError {
  const { functionName, projectId } = deployment;
  const exists = `The function ${functionName} exists in ${projectId}`;
  const lacks = `the state ${deploymentName(deployment)} does not contain its deployment`;
  return new BatonError("DEPLOY_STATE_MISSING", `${exists}, but ${lacks}. ${outcome}`);
}
