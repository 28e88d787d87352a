import * as z from "zod";
import { BatonError } from "../../core/errors.ts";
import { type Command, commandLine } from "./commands.ts";

/** What Terraform has made and would delete. */
export interface StateResource {
  readonly kind: string;
  readonly name: string;
  readonly address: string;
}

const ResourceSchema = z.object({
  address: z.string(),
  mode: z.string().default("managed"),
  type: z.string(),
  tainted: z.boolean().default(false),
  values: z.record(z.string(), z.unknown()).default({}),
});
type Resource = z.infer<typeof ResourceSchema>;

interface Module {
  readonly resources: readonly Resource[];
  readonly child_modules: readonly Module[];
}

const ModuleSchema: z.ZodType<Module> = z.lazy(() =>
  z.object({
    resources: z.array(ResourceSchema).default([]),
    child_modules: z.array(ModuleSchema).default([]),
  }),
);

/** Of a deployment that was never made, or is gone, Terraform shows no values. */
const StateSchema = z.object({ values: z.object({ root_module: ModuleSchema.optional() }).optional() });

/** Those that hold something, in the order in which they are shown: their kind in words, and the field of their name. */
const kinds: readonly (readonly [type: string, kind: string, field: string])[] = [
  ["google_firestore_database", "Firestore database", "name"],
  ["google_storage_bucket", "bucket", "name"],
  ["google_bigquery_dataset", "BigQuery dataset", "dataset_id"],
  ["google_bigquery_table", "BigQuery table", "table_id"],
  ["google_secret_manager_secret", "secret", "secret_id"],
  ["google_pubsub_topic", "Pub/Sub topic", "name"],
  ["google_pubsub_subscription", "Pub/Sub subscription", "name"],
  ["google_cloud_tasks_queue", "Cloud Tasks queue", "name"],
  ["google_cloud_scheduler_job", "Cloud Scheduler job", "name"],
  ["google_artifact_registry_repository", "Artifact Registry repository", "repository_id"],
  ["google_service_account", "service account", "email"],
];

/** Stay when they are taken out of the state: infra/apis.tf. */
const stays = "google_project_service";

/** The kind of what nobody would miss, such as grants, alerts and indexes: named by its type. */
export const otherKind = "other";

/** What can't be deleted, or not while something is in it, before an apply has lifted that. */
export interface ProtectedResource {
  readonly address: string;
  /** An apply began it and did not end: the next one replaces it. */
  readonly isHalfMade: boolean;
}

/** The fields that `delete_protection` sets, as they are while it does. */
const protections: readonly (readonly [field: string, value: unknown])[] = [
  ["delete_protection_state", "DELETE_PROTECTION_ENABLED"],
  ["deletion_protection", true],
  ["force_destroy", false],
  ["delete_contents_on_destroy", false],
];

/** What a state holds that is protected; an empty one holds nothing. Throws `DEPLOY_FAILED` when it can't be read. */
export function protectedResources(command: Command, text: string): readonly ProtectedResource[] {
  return parsed(command, text)
    .filter(({ mode, values }) => mode === "managed" && isProtected(values))
    .map(({ address, tainted }) => ({ address, isHalfMade: tainted }));
}

function isProtected(values: Resource["values"]): boolean {
  return protections.some(([field, value]) => values[field] === value);
}

/** What `terraform show -json` says there is. Throws `DEPLOY_FAILED` when it can't be read. */
export function stateResources(command: Command, text: string): readonly StateResource[] {
  const found = parsed(command, text).filter(({ mode, type }) => mode === "managed" && type !== stays);
  const others = found.filter(({ type }) => !kinds.some(([known]) => known === type));
  return [
    ...kinds.flatMap(([type, kind, field]) =>
      found
        .filter((resource) => resource.type === type)
        .map(({ address, values }) => ({ kind, name: String(values[field] ?? address), address })),
    ),
    ...others.map(({ address, type }) => ({ kind: otherKind, name: type.replace(/^google_/, ""), address })),
  ];
}

function parsed(command: Command, text: string): Resource[] {
  try {
    const root = StateSchema.parse(JSON.parse(text)).values?.root_module;
    return root === undefined ? [] : resourcesIn(root);
  } catch (cause) {
    throw new BatonError("DEPLOY_FAILED", `${command.title} failed: the state can't be read`, {
      where: commandLine(command),
      cause,
    });
  }
}

function resourcesIn({ resources, child_modules: inner }: Module): Resource[] {
  return [...resources, ...inner.flatMap(resourcesIn)];
}
