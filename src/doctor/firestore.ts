import { randomUUID } from "node:crypto";
import * as z from "zod";
import { toIndexFile } from "../adapters/firestore/encoding.ts";
import { permissions } from "../configuration/google-requirements.ts";
import type { CollectionName } from "../core/storage/collections.ts";
import { GoogleApiError } from "../ports/http.ts";
import { type CheckGroup, type CheckResult, checkResult } from "./check.ts";
import {
  type CloudContext,
  grantedPermissions,
  listOf,
  permissionGroup,
  readPages,
  resourceGroup,
  resourcePath,
  serviceGroup,
  TextSchema,
  undefinedIfMissing,
} from "./google.ts";

const DatabaseSchema = z.object({
  name: z.string(),
  type: TextSchema,
  databaseEdition: TextSchema,
  locationId: TextSchema,
  pointInTimeRecoveryEnablement: TextSchema,
  deleteProtectionState: TextSchema,
});

/** The database, the indexes of its fields, and the permissions on its documents. */
export function firestoreGroups(context: CloudContext): CheckGroup[] {
  const { databaseId, projectId } = context.google;
  const database = resourceGroup(context, "firestore.database", databaseId, {
    kind: "database",
    answer: DatabaseSchema,
    describe: ({ locationId }) => `in ${locationId}`,
    finding: {
      expected: `a database ${databaseId} in ${projectId}`,
      remedy: "Deploy it, or name another one by BATON_DATABASE.",
      deploys: true,
    },
    settings: (found) => checkSettings(context.google, found),
  });
  return [database, fieldsGroup(context), documentPermissionGroup(context)];
}

function checkSettings(
  { databaseId: subject, location }: CloudContext["google"],
  found: z.infer<typeof DatabaseSchema>,
): CheckResult[] {
  const { type, databaseEdition: edition, locationId } = found;
  const isRecoverable = found.pointInTimeRecoveryEnablement === "POINT_IN_TIME_RECOVERY_ENABLED";
  const isProtected = found.deleteProtectionState === "DELETE_PROTECTION_ENABLED";
  const replacement = {
    remedy: "It can't be changed: name another database by BATON_DATABASE, and deploy that.",
    deploys: true,
  };
  return [
    checkResult("firestore.type", subject, { found: type, expected: "FIRESTORE_NATIVE", ...replacement }),
    checkResult("firestore.edition", subject, {
      holds: edition === "STANDARD",
      found: edition,
      expected: "STANDARD: Baton's writes, counts and cost were verified on it",
      ...replacement,
    }),
    checkResult("firestore.location", subject, {
      // Names of multi-regions, such as `eur3`, have no dash.
      holds: locationId === location || !locationId.includes("-"),
      found: locationId,
      expected: `${location || "BATON_LOCATION"}, or a multi-region around it`,
      severity: location === "" ? "unknown" : "warning",
      remedy:
        "Every write crosses regions. Deploy the function beside the database, or use another database.",
    }),
    checkResult("firestore.recovery", subject, {
      found: isRecoverable ? "the last seven days" : "the last hour only",
      expected: "the last seven days",
      severity: "warning",
    }),
    checkResult("firestore.protection", subject, {
      found: isProtected ? "it is protected" : "one command deletes it",
      expected: "it is protected",
      severity: "warning",
    }),
  ];
}

/** The project reports only what it grants on all databases, so the database is asked as well. */
function documentPermissionGroup(context: CloudContext): CheckGroup {
  const set = permissions.firestore;
  const all = Object.keys(set.needs);
  return permissionGroup(context, "firestore.permissions", context.google.databaseId, {
    set,
    async granted(signal) {
      const onProject = await grantedPermissions(context, ["project", ""], set, signal);
      return onProject.length === all.length || !(await mayUseDocuments(context, signal)) ? onProject : all;
    },
  });
}

const collection: CollectionName = "batches";

/**
 * Whether the caller may read and write documents. Each kind of write needs its own permission. Nothing changes: the
 * commit fails, since it requires a document with a random name to exist.
 */
async function mayUseDocuments(context: CloudContext, signal: AbortSignal): Promise<boolean> {
  const path = `${resourcePath(context, "database", context.google.databaseId)}/documents`;
  const call = { method: "POST", answer: z.unknown(), signal } as const;
  const post = (method: string, body: object) =>
    context.services.firestore.call({ ...call, path: `${path}:${method}`, body });
  const name = `${path.replace("/v1/", "")}/${collection}/doctor-${randomUUID()}`;
  const writes = [
    { update: { name: `${name}-missing`, fields: {} }, currentDocument: { exists: true } },
    { update: { name, fields: {} }, currentDocument: { exists: false } },
    { delete: `${name}-gone` },
  ];
  try {
    await post("runQuery", { structuredQuery: { from: [{ collectionId: collection }], limit: 1 } });
    await undefinedIfMissing(post("commit", { writes }));
    return true;
  } catch (error) {
    if (error instanceof GoogleApiError && error.code === 403) return false;
    throw error;
  }
}

const IndexSchema = z.object({
  queryScope: TextSchema,
  state: TextSchema,
  fields: listOf(z.object({ order: z.string().optional(), arrayConfig: z.string().optional() })),
});
const FieldSchema = z.object({
  name: z.string(),
  indexConfig: z
    .object({ usesAncestorConfig: z.boolean().default(false), indexes: listOf(IndexSchema) })
    .prefault({}),
  ttlConfig: z.object({ state: z.string().optional() }).optional(),
});
const FieldsSchema = z.object({ fields: listOf(FieldSchema), nextPageToken: z.string().optional() });
type Field = z.infer<typeof FieldSchema>;
type WantedField = ReturnType<typeof toIndexFile>["fieldOverrides"][number];

/** The service lists only fields that differ from the automatic settings, and only by these filters. */
const filters = ["indexConfig.usesAncestorConfig:false", "ttlConfig:*"];

/** Indexes, exemptions from them, and times to live of every collection. */
function fieldsGroup(context: CloudContext): CheckGroup {
  const { databaseId } = context.google;
  const path = `${resourcePath(context, "database", databaseId)}/collectionGroups/-/fields`;
  return serviceGroup("firestore.indexes", databaseId, "firestore", async (signal) => {
    const listed = filters.map((filter) => {
      const query = new URLSearchParams({ filter, pageSize: "300" });
      return readPages(context.services.firestore, `${path}?${query}`, FieldsSchema, signal);
    });
    const fields = (await Promise.all(listed)).flat().flatMap((page) => page.fields);
    const found = new Map(fields.map((field) => [field.name.replace(/^.*\/collectionGroups\//, ""), field]));
    const wanted = Map.groupBy(toIndexFile().fieldOverrides, ({ collectionGroup }) => collectionGroup);
    return [...wanted].flatMap(([group, overrides]) => {
      const compared = overrides.map((override) => compare(override, found));
      return [checkIndexes(group, compared), ...checkTimesToLive(group, compared)];
    });
  });
}

/** How a field differs. `isBeingBuilt`: everything is right once Firestore has built the indexes. */
function compare(wanted: WantedField, fields: ReadonlyMap<string, Field>) {
  const { collectionGroup, fieldPath } = wanted;
  const own = fields.get(`${collectionGroup}/fields/${fieldPath}`);
  const ttlState = own?.ttlConfig?.state;
  // A field without settings of its own has those of all fields of its collection.
  const settings = [own, fields.get(`${collectionGroup}/fields/*`)].find(
    (field) => field && !field.indexConfig.usesAncestorConfig,
  );
  if (!settings)
    return { wanted, ttlState, problems: [`${fieldPath}: automatic indexes`], isBeingBuilt: false };
  const actual = settings.indexConfig.indexes.map(({ queryScope, state, fields: [field] }) => {
    return { mode: field?.order ?? field?.arrayConfig ?? "", queryScope, state };
  });
  const expected = wanted.indexes.map(({ order, arrayConfig, queryScope }) => {
    return { mode: order ?? arrayConfig ?? "", queryScope };
  });
  type Index = Readonly<Record<"mode" | "queryScope", string>>;
  const lacks = (indexes: readonly Index[]) => (index: Index) =>
    !indexes.some((one) => one.mode === index.mode && one.queryScope === index.queryScope);
  const missing = expected.filter(lacks(actual));
  const surplus = actual.filter(lacks(expected));
  const unready = actual.filter(({ state }) => state !== "READY" && state !== "");
  return {
    wanted,
    ttlState,
    problems: [
      ...missing.map(({ mode }) => `${fieldPath}: no index ${mode}`),
      ...surplus.map(({ mode, queryScope }) => `${fieldPath}: needless index ${mode} (${queryScope})`),
      ...unready.map(({ mode, state }) => `${fieldPath}: index ${mode} is ${state}`),
    ],
    isBeingBuilt: missing.length + surplus.length === 0 && unready.every(({ state }) => state === "CREATING"),
  };
}

type Compared = ReturnType<typeof compare>;

function checkIndexes(subject: string, compared: readonly Compared[]): CheckResult {
  const wrong = compared.filter(({ problems }) => problems.length > 0);
  const indexed = compared.flatMap(({ wanted }) => (wanted.indexes.length > 0 ? wanted.fieldPath : []));
  return checkResult("firestore.indexes", subject, {
    holds: wrong.length === 0,
    found: wrong.flatMap(({ problems }) => problems).join("; ") || "as they should be",
    expected: `indexes of ${indexed.join(", ") || "no field"}, and exemptions for all others`,
    severity: wrong.every(({ isBeingBuilt }) => isBeingBuilt) ? "warning" : "failed",
    remedy: "Deploy the infrastructure, which sets them. Firestore needs a few minutes.",
    deploys: true,
  });
}

function checkTimesToLive(subject: string, compared: readonly Compared[]): CheckResult[] {
  const expiring = compared.filter(({ wanted }) => wanted.ttl);
  return expiring.map(({ wanted, ttlState }) =>
    checkResult("firestore.ttl", subject, {
      holds: ttlState === "ACTIVE",
      found: ttlState === undefined ? "nothing is ever deleted" : `the policy is ${ttlState}`,
      expected: `a policy on ${wanted.fieldPath} that is ACTIVE`,
      severity: ttlState === "CREATING" ? "warning" : "failed",
    }),
  );
}
