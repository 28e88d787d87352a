import { status } from "@grpc/grpc-js";
import { GrpcError } from "../kit/grpc-server.ts";
import type { Meter } from "../kit/meter.ts";
import { checkRequestSize } from "./document-size.ts";
import type { Change, DocumentStore } from "./document-store.ts";
import { invalid } from "./errors.ts";
import type { IndexConfig } from "./index-config.ts";
import { changedIndexEntries } from "./index-entries.ts";
import { type Micros, type StoreClock, toTimestamp } from "./store-clock.ts";
import type { Transaction, Transactions } from "./transactions.ts";
import type { Write, WriteRequest, WriteResult } from "./wire.ts";
import { applyWrite, targetOf } from "./writes.ts";

/** All that a database consists of. */
export interface Database {
  readonly store: DocumentStore;
  readonly clock: StoreClock;
  readonly transactions: Transactions;
  readonly indexes: IndexConfig;
  readonly meter: Meter;
}

const maxBatchWrites = 500;

/** Applies all writes in their order, or throws and applies none. What is refused costs nothing. */
export function commit(database: Database, request: WriteRequest) {
  const { writes = [] } = request;
  checkRequestSize(writes);
  const transaction = request.transaction?.length
    ? database.transactions.use(request.transaction)
    : undefined;
  if (transaction?.readOnlyAt !== undefined && writes.length > 0) {
    throw invalid("Cannot modify entities in a read-only transaction.");
  }
  const { results, at } = applyAll(database, request.database ?? "", writes, transaction);
  return { writeResults: results, commitTime: toTimestamp(at) };
}

/**
 * Applies each write by itself. Throws INVALID_ARGUMENT when a document is named twice or there are too many writes.
 */
export function batchWrite(database: Database, request: WriteRequest) {
  const { writes = [] } = request;
  checkRequestSize(writes);
  if (writes.length > maxBatchWrites) throw invalid(`maximum ${maxBatchWrites} writes allowed per request`);
  const names = writes.map((write) => targetOf(write, request.database ?? "").full);
  if (new Set(names).size < names.length) {
    throw invalid("Cannot write to the same document more than once in one BatchWrite.");
  }
  const outcomes = writes.map((write) => applyAlone(database, request.database ?? "", write));
  return {
    writeResults: outcomes.map(({ result }) => result),
    status: outcomes.map(({ code, message }) => ({ code, message })),
  };
}

function applyAlone(database: Database, databaseName: string, write: Write) {
  try {
    const { results } = applyAll(database, databaseName, [write], undefined);
    return { result: results[0] ?? {}, code: status.OK, message: "" };
  } catch (error) {
    if (!(error instanceof GrpcError)) throw error;
    return { result: {}, code: error.code, message: error.message };
  }
}

function applyAll(
  database: Database,
  databaseName: string,
  writes: readonly Write[],
  transaction: Transaction | undefined,
): { readonly results: readonly WriteResult[]; readonly at: Micros } {
  const { store, clock, transactions } = database;
  const at = clock.commitTime();
  const changes = new Map<string, Change>();
  const results: WriteResult[] = [];
  for (const write of writes) {
    const name = targetOf(write, databaseName);
    if (!transaction) transactions.checkUnlocked(name.full);
    const earlier = changes.get(name.full);
    const before = earlier ? earlier.before : store.get(name);
    const { after, result } = applyWrite(write, name, earlier ? earlier.after : before, at);
    changes.set(name.full, { name, before, after });
    results.push(result);
  }
  applyChanges(database, changes.values(), at);
  if (transaction) transactions.win(transaction, changes.keys());
  for (const write of writes) database.meter.add(write.update ? "document_writes" : "document_deletes");
  return { results, at };
}

/** Puts changes into the store and counts the index entries that they cost. Throws before anything is changed. */
export function applyChanges(database: Database, changes: Iterable<Change>, at: Micros): void {
  const all = [...changes].filter(({ before, after }) => before !== after);
  let entries = 0;
  for (const { before, after } of all) entries += changedIndexEntries(before, after, database.indexes);
  database.store.apply(all, at);
  if (entries > 0) database.meter.add("index_entry_writes", entries);
}
