import protos from "@google-cloud/firestore-api/protos/protos.json" with { type: "json" };
import type { GrpcServiceSpec } from "../kit/grpc-server.ts";
import { batchWrite, commit, type Database } from "./commit.ts";
import { beginTransaction } from "./consistency.ts";
import { denied } from "./errors.ts";
import { answerAggregation, answerQuery, batchGetDocuments } from "./reads.ts";
import type {
  BatchGetRequest,
  RunAggregationQueryRequest,
  RunQueryRequest,
  TransactionOptions,
  WriteRequest,
} from "./wire.ts";

/** google.firestore.v1.Firestore; each call that reaches the database is counted as `rpc_…`. */
export function firestoreService(
  database: Database,
  denies: (call: string) => boolean = () => false,
): GrpcServiceSpec {
  const counted =
    <Request>(name: string, answer: (database: Database, request: Request) => unknown) =>
    (request: Request) => {
      if (denies(name)) throw denied();
      database.meter.add(name);
      return answer(database, request);
    };
  return {
    service: "google.firestore.v1.Firestore",
    protos,
    options: { oneofs: false },
    handlers: {
      Commit: counted<WriteRequest>("rpc_commit", commit),
      BatchWrite: counted<WriteRequest>("rpc_batch_write", batchWrite),
      BatchGetDocuments: counted<BatchGetRequest>("rpc_batch_get", batchGetDocuments),
      RunQuery: counted<RunQueryRequest>("rpc_run_query", answerQuery),
      RunAggregationQuery: counted<RunAggregationQueryRequest>(
        "rpc_run_aggregation_query",
        answerAggregation,
      ),
      BeginTransaction: counted<{ readonly options?: TransactionOptions }>("rpc_begin_transaction", begin),
      Rollback: counted<{ readonly transaction?: Buffer }>("rpc_rollback", rollback),
    },
  };
}

function begin({ clock, transactions }: Database, { options }: { readonly options?: TransactionOptions }) {
  return { transaction: Buffer.from(beginTransaction(options, clock, transactions).id) };
}

function rollback({ transactions }: Database, { transaction }: { readonly transaction?: Buffer }) {
  if (transaction) transactions.end(transactions.use(transaction));
  return {};
}
