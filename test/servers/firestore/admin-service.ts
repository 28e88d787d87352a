import protos from "@google-cloud/firestore-api/protos/protos.json" with { type: "json" };
import type { GrpcServiceSpec } from "../kit/grpc-server.ts";
import { invalid, notFound, unsupported } from "./errors.ts";
import { parseFieldPath } from "./field-paths.ts";
import {
  automaticIndexes,
  type FieldOverride,
  type IndexConfig,
  type SingleFieldIndex,
} from "./index-config.ts";

/** What GetDatabase answers, where it is to differ from a sound database. */
export interface AdminOptions {
  /** No database of any name exists. */
  readonly isMissing?: boolean;
  readonly type?: "FIRESTORE_NATIVE" | "DATASTORE_MODE";
  readonly databaseEdition?: "STANDARD" | "ENTERPRISE";
  readonly locationId?: string;
  readonly pointInTimeRecoveryEnablement?:
    | "POINT_IN_TIME_RECOVERY_ENABLED"
    | "POINT_IN_TIME_RECOVERY_DISABLED";
  readonly deleteProtectionState?: "DELETE_PROTECTION_ENABLED" | "DELETE_PROTECTION_DISABLED";
}

interface ListRequest {
  readonly parent?: string;
  readonly filter?: string;
}

/**
 * The part of google.firestore.admin.v1.FirestoreAdmin that describes how a database is set up. Lists come in one page.
 */
export function adminService(indexes: IndexConfig, options: AdminOptions): GrpcServiceSpec {
  return {
    service: "google.firestore.admin.v1.FirestoreAdmin",
    protos,
    options: { oneofs: false },
    handlers: {
      GetDatabase: ({ name = "" }: { readonly name?: string }) => database(name, options),
      ListFields: (request: ListRequest) => ({ fields: listFields(request, indexes) }),
      GetField: ({ name = "" }: { readonly name?: string }) => getField(name, indexes),
      ListIndexes: ({ parent = "" }: ListRequest) => ({ indexes: listIndexes(parent, indexes) }),
    },
  };
}

function database(name: string, { isMissing = false, ...options }: AdminOptions) {
  if (!/^projects\/[^/]+\/databases\/[^/]+$/.test(name)) throw invalid(`"${name}" is no name of a database`);
  if (isMissing) throw notFound(`The database ${name.split("/").at(-1)} does not exist`);
  return {
    name,
    uid: "00000000-0000-0000-0000-000000000001",
    locationId: "us-central1",
    type: "FIRESTORE_NATIVE",
    concurrencyMode: "PESSIMISTIC",
    databaseEdition: "STANDARD",
    versionRetentionPeriod: { seconds: "3600" },
    pointInTimeRecoveryEnablement: "POINT_IN_TIME_RECOVERY_DISABLED",
    deleteProtectionState: "DELETE_PROTECTION_DISABLED",
    ...options,
  };
}

const groupName = /^(projects\/[^/]+\/databases\/[^/]+)\/collectionGroups\/([^/]+)(?:\/fields\/(.+))?$/s;

function parseGroup(name: string): {
  readonly database: string;
  readonly group: string;
  readonly field?: string;
} {
  const [, databaseName, group, field] = groupName.exec(name) ?? [];
  if (databaseName === undefined || group === undefined)
    throw invalid(`"${name}" is no name of a collection group`);
  return { database: databaseName, group, ...(field === undefined ? {} : { field }) };
}

/** The service lists overridden fields alone, and wants to be asked for just those. */
function listFields({ parent = "", filter = "" }: ListRequest, indexes: IndexConfig) {
  const { database: databaseName, group } = parseGroup(parent);
  const wantsIndexes = /indexConfig\.usesAncestorConfig\s*[:=]\s*false/.test(filter);
  const wantsTtl = /ttlConfig\s*:\s*\*/.test(filter);
  if (!wantsIndexes && !wantsTtl) throw unsupported(`ListFields with the filter "${filter}"`);
  const fields = indexes.overrides
    .filter((override) => group === "-" || override.collectionGroup === group)
    .filter((override) => (wantsIndexes && override.indexes !== undefined) || (wantsTtl && override.ttl))
    .map((override) => toField(databaseName, override));
  const isOfAll = wantsIndexes && (group === "-" || group === "__default__");
  return isOfAll ? [defaultField(databaseName), ...fields] : fields;
}

function getField(name: string, indexes: IndexConfig) {
  const { database: databaseName, group, field = "*" } = parseGroup(name);
  const own = indexes.overrides.find((one) => one.collectionGroup === group && one.fieldPath === field);
  if (own) return toField(databaseName, own);
  if (group === "__default__") return defaultField(databaseName);
  const inherited = indexes.ofField(group, field === "*" ? [] : parseFieldPath(field));
  return { name, indexConfig: { ...indexConfig(inherited, field), usesAncestorConfig: true } };
}

function toField(databaseName: string, { collectionGroup, fieldPath, ttl, indexes }: FieldOverride) {
  return {
    name: `${databaseName}/collectionGroups/${collectionGroup}/fields/${fieldPath}`,
    indexConfig: {
      ...indexConfig(indexes ?? automaticIndexes, fieldPath),
      usesAncestorConfig: indexes === undefined,
    },
    ...(ttl ? { ttlConfig: { state: "ACTIVE" } } : {}),
  };
}

function defaultField(databaseName: string) {
  return {
    name: `${databaseName}/collectionGroups/__default__/fields/*`,
    indexConfig: indexConfig(automaticIndexes, "*"),
  };
}

function indexConfig(indexes: readonly SingleFieldIndex[], fieldPath: string) {
  return {
    indexes: indexes.map(({ queryScope, ...mode }) => ({
      queryScope,
      fields: [{ fieldPath, ...mode }],
      state: "READY",
    })),
  };
}

/** The composite indexes; the service adds the name, in the direction of the last field. */
function listIndexes(parent: string, { composites }: IndexConfig) {
  const { database: databaseName, group } = parseGroup(parent);
  return composites
    .map((index, number) => ({ ...index, id: `index-${number + 1}` }))
    .filter(({ collectionGroup }) => group === "-" || collectionGroup === group)
    .map(({ collectionGroup, queryScope, fields, id }) => ({
      name: `${databaseName}/collectionGroups/${collectionGroup}/indexes/${id}`,
      queryScope,
      fields:
        fields.at(-1)?.fieldPath === "__name__"
          ? fields
          : [...fields, { fieldPath: "__name__", order: fields.at(-1)?.order ?? "ASCENDING" }],
      state: "READY",
    }));
}
