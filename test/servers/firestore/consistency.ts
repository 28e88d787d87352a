import { retentionMicros } from "./collection.ts";
import { failedPrecondition, invalid } from "./errors.ts";
import { type Micros, type StoreClock, toMicros } from "./store-clock.ts";
import type { Transaction, Transactions } from "./transactions.ts";
import type { Consistency, Timestamp, TransactionOptions } from "./wire.ts";

/** What a read sees. */
export interface View {
  /** Undefined: the store as it is now. */
  readonly at: Micros | undefined;
  /** What the answer says it saw. */
  readonly readTime: Micros;
  readonly transaction: Transaction | undefined;
  /** The id of a transaction that begins with this read. */
  readonly newTransaction: Buffer | undefined;
}

export function viewOf(request: Consistency, clock: StoreClock, transactions: Transactions): View {
  const transaction = request.newTransaction
    ? beginTransaction(request.newTransaction, clock, transactions)
    : request.transaction?.length
      ? transactions.use(request.transaction)
      : undefined;
  const at = transaction?.readOnlyAt ?? (request.readTime && checkedReadTime(request.readTime, clock));
  const newTransaction = request.newTransaction && transaction ? Buffer.from(transaction.id) : undefined;
  return { at, readTime: at ?? clock.readTime(), transaction, newTransaction };
}

export function beginTransaction(
  options: TransactionOptions | undefined,
  clock: StoreClock,
  transactions: Transactions,
): Transaction {
  if (!options?.readOnly) return transactions.begin(undefined);
  const { readTime } = options.readOnly;
  return transactions.begin(readTime ? checkedReadTime(readTime, clock) : clock.readTime());
}

/** Throws FAILED_PRECONDITION for a time of more than an hour ago, INVALID_ARGUMENT for one to come. */
function checkedReadTime(readTime: Timestamp, clock: StoreClock): Micros {
  const at = toMicros(readTime);
  const now = clock.readTime();
  if (at > now) throw invalid("read_time must not be in the future");
  if (at < now - retentionMicros) throw failedPrecondition("The requested snapshot version is too old.");
  return at;
}
