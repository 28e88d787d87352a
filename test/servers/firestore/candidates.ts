import type { Collection } from "./collection.ts";
import { DocumentSet } from "./document-set.ts";
import type { DocumentStore } from "./document-store.ts";
import { parseFieldPath } from "./field-paths.ts";
import type { Condition, QueryPlan } from "./query-plan.ts";
import type { Micros } from "./store-clock.ts";

/** Documents among which the results of a query are, a set for each collection. */
export interface Candidates {
  readonly sets: readonly DocumentSet[];
  /** The condition that all of them satisfy. */
  readonly settled: Condition | undefined;
}

const nothing = new DocumentSet();

/** As few as the indexes on single fields allow; a read of the past looks at everything. */
export function candidatesOf(plan: QueryPlan, store: DocumentStore, at: Micros | undefined): Candidates {
  if (plan.allDescendants) {
    const collections = store.group(plan.parent, plan.collectionId);
    return { sets: collections.map((collection) => documentsOf(collection, at)), settled: undefined };
  }
  const collection = store.find(`${plan.parent}/${plan.collectionId}`);
  if (!collection) return { sets: [], settled: undefined };
  const all = documentsOf(collection, at);
  let best: DocumentSet = all;
  let settled: Condition | undefined;
  if (all === collection.documents) {
    for (const condition of plan.conditions) {
      const found = indexed(collection, condition);
      if (!found || (settled && found.size >= best.size)) continue;
      best = found;
      settled = condition;
    }
  }
  return { sets: [best], settled };
}

function documentsOf(collection: Collection, at: Micros | undefined): DocumentSet {
  return at === undefined ? collection.documents : collection.documentsAt(at);
}

function indexed(collection: Collection, { field, operator, value }: Condition): DocumentSet | undefined {
  if (field === "__name__") return undefined;
  const path = parseFieldPath(field);
  if (operator === "EQUAL") return collection.index(path, "equal").find(value) ?? nothing;
  if (operator === "ARRAY_CONTAINS") return collection.index(path, "contains").find(value) ?? nothing;
  if (operator !== "IN") return undefined;
  const union = new DocumentSet();
  for (const one of value.arrayValue?.values ?? []) {
    for (const document of collection.index(path, "equal").find(one)?.values() ?? []) union.put(document);
  }
  return union;
}
