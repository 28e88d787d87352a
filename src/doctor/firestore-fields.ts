import type { DatabaseChecks, FieldIndex, FieldSettings, WantedField } from "../ports/checks.ts";
import { type CheckGroup, type CheckResult, judge } from "./check.ts";
import type { CloudContext } from "./context.ts";
import { gcloud } from "./gcloud.ts";

/** Indexes, exemptions from them, and times to live of every collection. */
export function fieldsGroup({ google }: CloudContext, checks: DatabaseChecks): CheckGroup {
  return {
    id: "firestore.indexes",
    subject: google.databaseId,
    service: "firestore.googleapis.com",
    async run() {
      const found = await checks.fields();
      const byCollection = Map.groupBy(checks.wantedFields, ({ collectionGroup }) => collectionGroup);
      return [...byCollection].flatMap(([collection, wanted]) => {
        const compared = wanted.map((field) => compare(field, found));
        const place = { collection, flags: { database: google.databaseId, project: google.projectId } };
        return [indexes(place, compared), ...timesToLive(place, compared)];
      });
    },
  };
}

interface Place {
  readonly collection: string;
  readonly flags: { readonly database: string; readonly project: string };
}

interface Compared {
  readonly wanted: WantedField;
  readonly found: FieldSettings | undefined;
  /** What is wrong with its indexes; empty: nothing. */
  readonly problems: readonly string[];
  /** All is as it should be once Firestore has finished. */
  readonly isOnlyBeingMade: boolean;
}

function compare(wanted: WantedField, fields: readonly FieldSettings[]): Compared {
  const { collectionGroup, fieldPath } = wanted;
  const settingsOf = (path: string) =>
    fields.find((one) => one.collectionGroup === collectionGroup && one.fieldPath === path);
  const found = settingsOf(fieldPath);
  // A field without settings of its own has those of all fields of its collection.
  const actual = found?.indexes ?? settingsOf("*")?.indexes;
  if (!actual)
    return { wanted, found, problems: [`${fieldPath}: automatic indexes`], isOnlyBeingMade: false };
  const missing = wanted.indexes.filter((index) => !actual.some((one) => isSame(one, index)));
  const surplus = actual.filter((index) => !wanted.indexes.some((one) => isSame(index, one)));
  const unready = actual.filter(({ state }) => state !== "READY" && state !== "");
  return {
    wanted,
    found,
    problems: [
      ...missing.map(({ mode }) => `${fieldPath}: no index ${mode}`),
      ...surplus.map(({ mode, scope }) => `${fieldPath}: needless index ${mode} (${scope})`),
      ...unready.map(({ mode, state }) => `${fieldPath}: index ${mode} is ${state}`),
    ],
    isOnlyBeingMade:
      missing.length + surplus.length === 0 && unready.every(({ state }) => state === "CREATING"),
  };
}

function isSame(one: Pick<FieldIndex, "mode" | "scope">, other: Pick<FieldIndex, "mode" | "scope">): boolean {
  return one.mode === other.mode && one.scope === other.scope;
}

function indexes({ collection, flags }: Place, compared: readonly Compared[]): CheckResult {
  const wrong = compared.filter(({ problems }) => problems.length > 0);
  return judge("firestore.indexes", {
    subject: collection,
    holds: wrong.length === 0,
    found: wrong.flatMap(({ problems }) => problems).join("; ") || "as they should be",
    expected: `indexes of ${indexedFields(compared) || "no field"}, and exemptions for all others`,
    otherwise: wrong.every(({ isOnlyBeingMade }) => isOnlyBeingMade) ? "warning" : "failed",
    remedy:
      "Deploy infra/firestore.indexes.json, or set the fields one by one. Firestore needs a few minutes.",
    commands: wrong
      .filter(({ isOnlyBeingMade }) => !isOnlyBeingMade)
      .map(({ wanted }) =>
        gcloud("firestore indexes fields update", [wanted.fieldPath], {
          "collection-group": collection,
          ...indexFlag(wanted),
          ...flags,
        }),
      ),
  });
}

function indexedFields(compared: readonly Compared[]): string {
  return compared
    .filter(({ wanted }) => wanted.indexes.length > 0)
    .map(({ wanted }) => wanted.fieldPath)
    .join(", ");
}

/** Every index that Baton wants is the only one of its field. */
function indexFlag({ indexes: [index] }: WantedField) {
  if (!index) return { "disable-indexes": true } as const;
  const kind = index.mode === "CONTAINS" ? "array-config=contains" : `order=${index.mode.toLowerCase()}`;
  return { index: `${kind},query-scope=${index.scope.toLowerCase()}` };
}

function timesToLive({ collection, flags }: Place, compared: readonly Compared[]): CheckResult[] {
  return compared
    .filter(({ wanted }) => wanted.ttl)
    .map(({ wanted, found }) => {
      const state = found?.ttlState;
      return judge("firestore.ttl", {
        subject: collection,
        holds: state === "ACTIVE",
        found: state === undefined ? "nothing is ever deleted" : `the policy is ${state}`,
        expected: `a policy on ${wanted.fieldPath} that is ACTIVE`,
        otherwise: state === "CREATING" ? "warning" : "failed",
        remedy: "Let Firestore delete documents by their time to live.",
        commands: [
          gcloud("firestore fields ttls update", [wanted.fieldPath], {
            "collection-group": collection,
            "enable-ttl": true,
            ...flags,
          }),
        ],
      });
    });
}
