import { type Candidates, candidatesOf } from "./candidates.ts";
import { holds } from "./conditions.ts";
import type { StoredDocument } from "./document-set.ts";
import type { DocumentStore } from "./document-store.ts";
import { compareBy, hasOrderFields, isBeforeEnd, isFromStart } from "./query-order.ts";
import type { QueryPlan } from "./query-plan.ts";
import type { Micros } from "./store-clock.ts";

export interface QueryResult {
  readonly documents: readonly StoredDocument[];
  /** How many the offset passed over. */
  readonly skipped: number;
}

export function runQuery(plan: QueryPlan, store: DocumentStore, at: Micros | undefined): QueryResult {
  const candidates = candidatesOf(plan, store, at);
  const wanted = plan.offset + plan.limit;
  const found: StoredDocument[] = [];
  const isByName = candidates.sets.length === 1 && plan.orders.length === 1 && !plan.orders[0]?.isDescending;
  for (const document of isByName ? byName(plan, candidates) : sorted(plan, candidates)) {
    if (found.length >= wanted || !isBeforeEnd(plan, document)) break;
    found.push(document);
  }
  const skipped = Math.min(plan.offset, found.length);
  return { documents: found.slice(skipped), skipped };
}

/** At most `upTo`. */
export function countMatches(
  plan: QueryPlan,
  store: DocumentStore,
  at: Micros | undefined,
  upTo: number,
): number {
  const most = Math.min(upTo, plan.limit);
  const isWhole = !plan.start && !plan.end && plan.offset === 0;
  if (!isWhole) return Math.min(runQuery(plan, store, at).documents.length, most);
  const candidates = candidatesOf(plan, store, at);
  const isSettled = plan.conditions.every((condition) => condition === candidates.settled);
  if (isSettled && plan.orders.length === 1) {
    return Math.min(
      candidates.sets.reduce((sum, set) => sum + set.size, 0),
      most,
    );
  }
  let count = 0;
  for (const _ of matching(plan, candidates)) if (++count >= most) break;
  return Math.min(count, most);
}

/** In the order of the names, from the start of the query on, without looking at what comes before it. */
function* byName(plan: QueryPlan, candidates: Candidates): Iterable<StoredDocument> {
  const name = plan.start?.values?.[0]?.referenceValue;
  const collection = `${plan.parent}/${plan.collectionId}/`;
  const from = name?.startsWith(collection)
    ? { id: name.slice(collection.length), isIncluded: plan.start?.before ?? false }
    : undefined;
  for (const set of candidates.sets) {
    for (const document of set.sorted(from)) {
      if (isFromStart(plan, document) && isMatch(plan, candidates, document)) yield document;
    }
  }
}

function sorted(plan: QueryPlan, candidates: Candidates): StoredDocument[] {
  return [...matching(plan, candidates)]
    .filter((document) => isFromStart(plan, document))
    .sort((one, other) => compareBy(plan.orders, one, other));
}

function* matching(plan: QueryPlan, candidates: Candidates): Iterable<StoredDocument> {
  for (const set of candidates.sets) {
    for (const document of set.values()) if (isMatch(plan, candidates, document)) yield document;
  }
}

function isMatch(plan: QueryPlan, { settled }: Candidates, document: StoredDocument): boolean {
  return (
    plan.conditions.every((condition) => condition === settled || holds(condition, document)) &&
    hasOrderFields(plan, document)
  );
}
