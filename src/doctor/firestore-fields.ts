import * as z from "zod";
import { toIndexFile } from "../adapters/firestore/encoding.ts";
import { type CheckGroup, type CheckResult, checkResult } from "./check.ts";
import { type CloudContext, readPages, serviceHosts } from "./google.ts";

const FieldsSchema = z.object({
  fields: z
    .array(
      z.object({
        name: z.string(),
        indexConfig: z
          .object({
            usesAncestorConfig: z.boolean().default(false),
            indexes: z
              .array(
                z.object({
                  queryScope: z.string().default(""),
                  state: z.string().default(""),
                  fields: z
                    .array(z.object({ order: z.string().optional(), arrayConfig: z.string().optional() }))
                    .default([]),
                }),
              )
              .default([]),
          })
          .default({ usesAncestorConfig: false, indexes: [] }),
        ttlConfig: z.object({ state: z.string().optional() }).optional(),
      }),
    )
    .default([]),
  nextPageToken: z.string().optional(),
});
type Field = z.infer<typeof FieldsSchema>["fields"][number];
type WantedField = ReturnType<typeof toIndexFile>["fieldOverrides"][number];

export function databasePath({ google }: CloudContext): string {
  return `/v1/projects/${google.projectId}/databases/${google.databaseId}`;
}

/** The service lists only fields that differ from the automatic settings, and only by these filters. */
const filters = ["indexConfig.usesAncestorConfig:false", "ttlConfig:*"];

/** Indexes, exemptions from them, and times to live of every collection. */
export function fieldsGroup(context: CloudContext): CheckGroup {
  return {
    id: "firestore.indexes",
    subject: context.google.databaseId,
    service: serviceHosts.firestore,
    async run(signal) {
      const listed = await Promise.all(filters.map((filter) => listFields(context, filter, signal)));
      const found = new Map(
        listed.flat().map((field) => [field.name.replace(/^.*\/collectionGroups\//, ""), field]),
      );
      const wanted = Map.groupBy(toIndexFile().fieldOverrides, ({ collectionGroup }) => collectionGroup);
      return [...wanted].flatMap(([collection, fields]) => {
        const compared = fields.map((field) => compare(field, found));
        return [checkIndexes(collection, compared), ...checkTimesToLive(collection, compared)];
      });
    },
  };
}

async function listFields(context: CloudContext, filter: string, signal: AbortSignal): Promise<Field[]> {
  const path = `${databasePath(context)}/collectionGroups/-/fields?${new URLSearchParams({ filter, pageSize: "300" })}`;
  return (await readPages(context.services.firestore, path, FieldsSchema, signal)).flatMap(
    ({ fields }) => fields,
  );
}

interface Compared {
  readonly wanted: WantedField;
  readonly ttlState: string | undefined;
  readonly problems: readonly string[];
  /** Everything is right once Firestore has built the indexes. */
  readonly isBeingBuilt: boolean;
}

function compare(wanted: WantedField, fields: ReadonlyMap<string, Field>): Compared {
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
  const wantedIndexes = wanted.indexes.map((index) => ({
    mode: modeOf(index),
    queryScope: index.queryScope,
  }));
  type Index = (typeof wantedIndexes)[number] | (typeof actual)[number];
  const lacks = (indexes: readonly Index[]) => (index: Index) =>
    !indexes.some((one) => one.mode === index.mode && one.queryScope === index.queryScope);
  const missing = wantedIndexes.filter(lacks(actual));
  const surplus = actual.filter(lacks(wantedIndexes));
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

function modeOf({ order, arrayConfig }: WantedField["indexes"][number]): string {
  return order ?? arrayConfig ?? "";
}

function checkIndexes(subject: string, compared: readonly Compared[]): CheckResult {
  const wrong = compared.filter(({ problems }) => problems.length > 0);
  const indexed = compared
    .filter(({ wanted }) => wanted.indexes.length > 0)
    .map(({ wanted }) => wanted.fieldPath)
    .join(", ");
  return checkResult("firestore.indexes", subject, {
    holds: wrong.length === 0,
    found: wrong.flatMap(({ problems }) => problems).join("; ") || "as they should be",
    expected: `indexes of ${indexed || "no field"}, and exemptions for all others`,
    severity: wrong.every(({ isBeingBuilt }) => isBeingBuilt) ? "warning" : "failed",
    remedy: "Deploy the infrastructure, which sets them. Firestore needs a few minutes.",
    deploys: true,
  });
}

function checkTimesToLive(subject: string, compared: readonly Compared[]): CheckResult[] {
  return compared
    .filter(({ wanted }) => wanted.ttl)
    .map(({ wanted, ttlState }) =>
      checkResult("firestore.ttl", subject, {
        holds: ttlState === "ACTIVE",
        found: ttlState === undefined ? "nothing is ever deleted" : `the policy is ${ttlState}`,
        expected: `a policy on ${wanted.fieldPath} that is ACTIVE`,
        severity: ttlState === "CREATING" ? "warning" : "failed",
      }),
    );
}
