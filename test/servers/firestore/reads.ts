import type { Database } from "./commit.ts";
import { type View, viewOf } from "./consistency.ts";
import type { StoredDocument } from "./document-set.ts";
import { unsupported } from "./errors.ts";
import { masked } from "./field-paths.ts";
import { requireIndexes } from "./index-check.ts";
import { parseDocumentName } from "./names.ts";
import { countMatches, runQuery } from "./query.ts";
import { planQuery } from "./query-plan.ts";
import { toTimestamp } from "./store-clock.ts";
import type {
  Aggregation,
  BatchGetRequest,
  Mask,
  RunAggregationQueryRequest,
  RunQueryRequest,
  Value,
  WireDocument,
} from "./wire.ts";

/** Each name once, and not in the order of the request: Firestore promises none. */
export function batchGetDocuments(database: Database, request: BatchGetRequest): readonly object[] {
  const names = [...new Set(request.documents ?? [])].map((name) =>
    parseDocumentName(name, request.database ?? ""),
  );
  const view = openView(database, request);
  const answers = names.toReversed().map((name) => {
    const document = database.store.get(name, view.at);
    if (view.transaction) database.transactions.lock(view.transaction, name.full);
    const result = document ? { found: toWire(document, request.mask) } : { missing: name.full };
    return { ...result, readTime: toTimestamp(view.readTime) };
  });
  database.meter.add("document_reads", answers.length);
  return [...newTransaction(view), ...answers];
}

/** A query without a result still answers with the time that it saw, and costs a read. */
export function answerQuery(database: Database, request: RunQueryRequest): readonly object[] {
  const plan = planQuery(request.parent ?? "", request.structuredQuery ?? {});
  requireIndexes(plan, database.indexes);
  const view = openView(database, request);
  const { documents, skipped } = runQuery(plan, database.store, view.at);
  for (const document of documents) {
    if (view.transaction) database.transactions.lock(view.transaction, document.name.full);
  }
  database.meter.add("document_reads", Math.max(1, documents.length + skipped));
  const readTime = toTimestamp(view.readTime);
  const passed = skipped > 0 || documents.length === 0 ? [{ readTime, skippedResults: skipped }] : [];
  return [
    ...newTransaction(view),
    ...passed,
    ...documents.map((document) => ({ document: toWire(document, plan.mask), readTime })),
  ];
}

/** A read per 1,000 index entries that match, one at least. */
export function answerAggregation(
  database: Database,
  request: RunAggregationQueryRequest,
): readonly object[] {
  const { structuredQuery = {}, aggregations = [] } = request.structuredAggregationQuery ?? {};
  const plan = planQuery(request.parent ?? "", structuredQuery);
  requireIndexes(plan, database.indexes);
  const view = openView(database, request);
  const aggregateFields: Record<string, Value> = {};
  let largest = 0;
  for (const [index, aggregation] of aggregations.entries()) {
    const count = countMatches(plan, database.store, view.at, upToOf(aggregation));
    largest = Math.max(largest, count);
    aggregateFields[aggregation.alias ?? `field_${index + 1}`] = { integerValue: String(count) };
  }
  database.meter.add("document_reads", Math.max(1, Math.ceil(largest / 1_000)));
  return [...newTransaction(view), { result: { aggregateFields }, readTime: toTimestamp(view.readTime) }];
}

function upToOf({ count }: Aggregation): number {
  if (!count) throw unsupported("an aggregation other than count");
  return count.upTo ? Number(count.upTo.value ?? 0) : Number.POSITIVE_INFINITY;
}

function openView(database: Database, request: RunQueryRequest | BatchGetRequest): View {
  return viewOf(request, database.clock, database.transactions);
}

/** The id of a transaction that begins comes by itself, before all else. */
function newTransaction(view: View): readonly object[] {
  return view.newTransaction ? [{ transaction: view.newTransaction }] : [];
}

function toWire(
  { name, fields, createTime, updateTime }: StoredDocument,
  mask: Mask | undefined,
): WireDocument {
  return {
    name: name.full,
    fields: masked(fields, mask),
    createTime: toTimestamp(createTime),
    updateTime: toTimestamp(updateTime),
  };
}
