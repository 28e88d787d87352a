/**
 * A Firestore of Standard edition in native mode, in memory, behind the wire protocol that the unmodified clients
 * speak.
 *
 * Left out: Listen, Write, ExecutePipeline, PartitionQuery, ListDocuments, ListCollectionIds, and the calls for a
 * single document (GetDocument, CreateDocument, …), all UNIMPLEMENTED; filters with OR, vector search, sum and avg;
 * security rules and credentials (every caller may do anything in any database); quotas and rates; contention by
 * waiting (see transactions.ts); the cutting off of indexed values after 1,500 bytes, which makes queries on them
 * inexact. Chosen where the documentation is silent: a stale update_time and one of a missing document are both
 * FAILED_PRECONDITION; what is refused is not billed; a write that changes nothing is; the delete of a missing document
 * is; each application of a duplicated call is; count() bills for the largest of its counts, after upTo.
 */
import type { FaultPlan } from "../kit/faults.ts";
import { noFaults } from "../kit/faults.ts";
import { serveGrpc } from "../kit/grpc-server.ts";
import { Meter } from "../kit/meter.ts";
import { type AdminOptions, adminService } from "./admin-service.ts";
import type { Database } from "./commit.ts";
import { DocumentStore } from "./document-store.ts";
import { type DumpedDocument, dump } from "./dump.ts";
import { firestoreService } from "./firestore-service.ts";
import { IndexConfig } from "./index-config.ts";
import { StoreClock } from "./store-clock.ts";
import { expireNow } from "./time-to-live.ts";
import { Transactions } from "./transactions.ts";

export interface FirestoreServerOptions {
  readonly faults?: FaultPlan;
  /**
   * Counts `document_reads`, `document_writes`, `document_deletes`, `index_entry_writes` (entries added and removed),
   * and calls that reached the database as `rpc_commit`, `rpc_batch_write`, `rpc_batch_get`, `rpc_run_query`,
   * `rpc_run_aggregation_query`, `rpc_begin_transaction`, `rpc_rollback`.
   */
  readonly meter?: Meter;
  /** Default: one that is free. */
  readonly port?: number;
  /** The parsed `firestore.indexes.json`. Default: automatic indexes, and no query is refused for want of an index. */
  readonly indexes?: unknown;
  readonly admin?: AdminOptions;
  /** Calls that the caller may not make, by the names that they are counted as. Default: none. */
  readonly denies?: (call: string) => boolean;
}

export interface FirestoreServer {
  /** `127.0.0.1:port`: for `FIRESTORE_EMULATOR_HOST`. */
  readonly host: string;
  readonly meter: Meter;
  /** From now on. */
  setFaults(plan: FaultPlan): void;
  /** All documents, of all databases, by their paths. */
  dump(): readonly DumpedDocument[];
  /** The store's clock, in milliseconds since 1970. */
  now(): number;
  /** Moves the store's clock ahead. */
  advance(ms: number): void;
  /** Deletes the documents whose time to live is over; returns how many. */
  expireNow(): number;
  close(): Promise<void>;
}

/** Serves until it is closed. Throws a ZodError when `indexes` is no such file. */
export async function startFirestoreServer(options: FirestoreServerOptions = {}): Promise<FirestoreServer> {
  const clock = new StoreClock();
  const database: Database = {
    store: new DocumentStore(),
    clock,
    transactions: new Transactions(clock),
    indexes: new IndexConfig(options.indexes),
    meter: options.meter ?? new Meter(),
  };
  const services = [
    firestoreService(database, options.denies),
    adminService(database.indexes, options.admin ?? {}),
  ];
  const { host, setFaults, close } = await serveGrpc(services, options.faults ?? noFaults, options.port);
  return {
    host,
    meter: database.meter,
    setFaults,
    close,
    dump: () => dump(database.store),
    now: () => clock.now(),
    advance: (ms) => clock.advance(ms),
    expireNow: () => expireNow(database),
  };
}
