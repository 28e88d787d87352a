import * as z from "zod";
import { errorCatalog } from "../core/errors/error-catalog.ts";
import { BatonError } from "../core/errors/errors.ts";
import { commandLine, untaintCommand } from "./commands.ts";
import { accountOf, deploymentName } from "./plan.ts";
import type { Prepared } from "./prepare.ts";
import { type RunStep, readJson } from "./tools.ts";

const ChangeSchema = z
  .object({
    address: z.string(),
    type: z.string(),
    change: z.object({ actions: z.array(z.string()) }),
    action_reason: z.string().optional(),
  })
  .transform(({ address, type, change, action_reason: reason }) => ({
    address,
    type,
    /** A replacement is a deletion and a creation. */
    actions: change.actions,
    /** An apply started it and did not end: it is replaced for that reason alone. */
    isHalfMade: reason === "replace_because_tainted",
  }));
const PlanSchema = z.object({ resource_changes: z.array(ChangeSchema).default([]) });

/** What an apply would do to one resource. */
export type PlannedChange = z.infer<typeof ChangeSchema>;

/** Reads the plan that was just made. Throws `DEPLOY_FAILED`. */
export async function plannedChanges(
  { infrastructure }: Prepared,
  run: RunStep,
): Promise<readonly PlannedChange[]> {
  const parse = (json: unknown) => PlanSchema.parse(json).resource_changes;
  return readJson(run, infrastructure.changes, { parse, reason: "the plan can't be read" });
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
type Module = z.infer<typeof ModuleSchema>;

/** A state that holds nothing has no values. */
const StateSchema = z.object({ values: z.object({ root_module: ModuleSchema.optional() }).optional() });

/** What Terraform has made. Throws `DEPLOY_FAILED`. */
export async function readState({ infrastructure }: Prepared, run: RunStep): Promise<readonly Resource[]> {
  const resourcesIn = ({ resources, child_modules: inner }: Module): Resource[] => [
    ...resources,
    ...inner.flatMap(resourcesIn),
  ];
  const parse = (json: unknown) => {
    const root = StateSchema.parse(json).values?.root_module;
    return root ? resourcesIn(root).filter(({ mode }) => mode === "managed") : [];
  };
  return readJson(run, infrastructure.state, { parse, reason: "the state can't be read" });
}

/** A resource of the state, as it is shown. */
export interface StateResource {
  readonly kind: string;
  readonly name: string;
  readonly address: string;
}

/** The kind of grants, alerts, indexes and the like: they are named by their type. */
export const otherKind = "other";

/** Resources that hold something or that messages are lost without: in the order they are shown, and the field of their name. */
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

/** What a removal would delete. Services stay switched on when they leave the state: infra/apis.tf. */
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

/** The fields that `delete_protection` sets, and their values while it does. */
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

/** Jobs and accounts hold no data and lose no message: an upgrade may replace them. */
const replaceable: ReadonlySet<string> = new Set(["google_cloud_scheduler_job", "google_service_account"]);
const precious: ReadonlySet<string> = new Set([
  "google_secret_manager_secret_version",
  ...kinds.map(([type]) => type).filter((type) => !replaceable.has(type)),
]);

/**
 * Stops a deployment that would delete what holds data. Nearly always its variables were forgotten, so that names have their
 * defaults, or the last apply failed and left something half made. Throws `DEPLOY_WOULD_DELETE`.
 */
export function assertNoDeletions(prepared: Prepared, changes: readonly PlannedChange[]): void {
  const { deployment, tools, infrastructure } = prepared;
  const deleted = changes.filter(({ type, actions }) => precious.has(type) && actions.includes("delete"));
  if (deleted.length === 0) return;
  const half = deleted.filter(({ isHalfMade }) => isHalfMade);
  const named = deleted.map(({ address, isHalfMade }) =>
    isHalfMade ? `${address}, which was made half the last time` : address,
  );
  const { remedy: usual } = errorCatalog.DEPLOY_WOULD_DELETE;
  const untaint = [
    "The last apply left these half made. Keep them by these commands, and deploy again; if nothing is in them yet, the command that is named does no harm.",
    ...half.map(({ address }) => `  ${commandLine(untaintCommand(deployment, tools, address))}`),
    ...(half.length === deleted.length ? [] : [`For the others: ${usual}`]),
  ].join("\n");
  throw new BatonError("DEPLOY_WOULD_DELETE", `This would delete ${named.join(", ")}`, {
    where: `${commandLine(infrastructure.apply)} does it all the same`,
    remedy: half.length === 0 ? usual : untaint,
  });
}

/** The account that the function runs as: the state of its deployment holds it. */
const accountAddress = "google_service_account.function";

/**
 * Refuses to deploy when the function exists but this machine has no Terraform state for it: Terraform would try to create
 * everything again and fail half-way. Throws `DEPLOY_STATE_MISSING`.
 */
export function assertStateToDeploy(
  prepared: Prepared,
  changes: readonly PlannedChange[],
  serves: boolean,
): void {
  const isNew = changes.some(
    ({ address, actions }) => address === accountAddress && actions.every((action) => action === "create"),
  );
  if (serves && isNew) throw stateMissing(prepared, "Nothing was changed");
}

/** Refuses a removal that would delete the function alone, since the state is another's. Throws `DEPLOY_STATE_MISSING`. */
export function assertStateToRemove(
  prepared: Prepared,
  found: readonly StateResource[],
  serves: boolean,
): void {
  const account = accountOf(prepared.deployment, "function");
  const owns = found.some(({ address, name }) => address === accountAddress && name === account);
  if (serves && !owns) throw stateMissing(prepared, "Nothing was deleted");
}

function stateMissing({ deployment }: Prepared, outcome: string): BatonError {
  const { functionName, projectId } = deployment;
  return new BatonError(
    "DEPLOY_STATE_MISSING",
    `There is the function ${functionName} in ${projectId}, and the state ${deploymentName(deployment)} in infra/ does not hold its deployment. ${outcome}`,
  );
}
