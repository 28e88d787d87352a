import { aborted, invalid } from "./errors.ts";
import type { Micros, StoreClock } from "./store-clock.ts";

export interface Transaction {
  readonly id: string;
  /** Set for a read-only one: it sees the store as it was then, and takes no locks. */
  readonly readOnlyAt: Micros | undefined;
  readonly locked: Set<string>;
  readonly startedAtMs: number;
  usedAtMs: number;
  /** A conflicting transaction has committed first: every further call of this one is ABORTED. */
  isBroken: boolean;
}

const idleMs = 60_000;
const totalMs = 270_000;

/**
 * Open transactions and the documents they have read. A write from outside to such a document is ABORTED at once, where
 * the service would first wait. Of two transactions that met, the first to commit wins and the other is ABORTED.
 * What a query did not return is not locked.
 */
export class Transactions {
  readonly #clock: StoreClock;
  readonly #open = new Map<string, Transaction>();
  readonly #locks = new Map<string, Set<Transaction>>();
  #count = 0;

  constructor(clock: StoreClock) {
    this.#clock = clock;
  }

  begin(readOnlyAt: Micros | undefined): Transaction {
    const now = this.#clock.now();
    const id = `transaction-${++this.#count}`;
    const transaction = {
      id,
      readOnlyAt,
      locked: new Set<string>(),
      startedAtMs: now,
      usedAtMs: now,
      isBroken: false,
    };
    this.#open.set(id, transaction);
    return transaction;
  }

  /** Throws INVALID_ARGUMENT for one that is unknown, over, or was idle for a minute; ABORTED for one that lost. */
  use(id: Buffer): Transaction {
    const transaction = this.#open.get(id.toString());
    if (!transaction || this.#isExpired(transaction)) {
      throw invalid("The referenced transaction has expired or is no longer valid.");
    }
    if (transaction.isBroken) {
      this.end(transaction);
      throw aborted("Transaction was aborted: a document that it has read was written by another one.");
    }
    transaction.usedAtMs = this.#clock.now();
    return transaction;
  }

  lock(transaction: Transaction, name: string): void {
    if (transaction.readOnlyAt !== undefined) return;
    const holders = this.#locks.get(name) ?? new Set();
    this.#locks.set(name, holders.add(transaction));
    transaction.locked.add(name);
  }

  /** Throws ABORTED when an open transaction has read the document; the writer is outside of transactions. */
  checkUnlocked(name: string): void {
    if (this.#othersThatHold(name, undefined).length > 0) {
      throw aborted(`Too much contention on these documents: a transaction has read ${name}`);
    }
  }

  /** The transaction has committed these writes. */
  win(winner: Transaction, names: Iterable<string>): void {
    for (const name of names) {
      for (const loser of this.#othersThatHold(name, winner)) loser.isBroken = true;
    }
    this.end(winner);
  }

  end(transaction: Transaction): void {
    this.#open.delete(transaction.id);
    this.#release(transaction);
  }

  #othersThatHold(name: string, own: Transaction | undefined): Transaction[] {
    const holders = [...(this.#locks.get(name) ?? [])];
    for (const holder of holders) if (this.#isExpired(holder)) this.end(holder);
    return holders.filter((holder) => holder !== own && this.#open.has(holder.id) && !holder.isBroken);
  }

  #release(transaction: Transaction): void {
    for (const name of transaction.locked) {
      const holders = this.#locks.get(name);
      holders?.delete(transaction);
      if (holders?.size === 0) this.#locks.delete(name);
    }
    transaction.locked.clear();
  }

  #isExpired({ usedAtMs, startedAtMs }: Transaction): boolean {
    const now = this.#clock.now();
    return now - usedAtMs > idleMs || now - startedAtMs > totalMs;
  }
}
