import type { BatchStatus, TaskBatch } from "../../core/records.ts";
import { daySeconds, utcDay } from "../../core/values/time.ts";
import { type BatchSummary, batchSummary } from "../../core/views/views.ts";
import type { Condition } from "../../ports/store.ts";
import type { Dependencies } from "../dependencies.ts";
import { Records, recordKinds } from "../records/records.ts";

/** Keeps the newest `limit` of any number of rows, and the number of the others. */
export class Newest<Row> {
  readonly #limit: number;
  readonly #timeOf: (row: Row) => number | string;
  #kept: Row[] = [];
  #left = 0;

  /** `timeOf`: a number or an ISO text; the greater is newer. */
  constructor(limit: number, timeOf: (row: Row) => number | string) {
    this.#limit = limit;
    this.#timeOf = timeOf;
  }

  add(row: Row): void {
    this.#kept.push(row);
    // Sorted once per `limit` rows, which costs few comparisons a row.
    if (this.#kept.length >= 2 * this.#limit) this.#cut();
  }

  /** Newest first. */
  get rows(): readonly Row[] {
    this.#cut();
    return this.#kept;
  }

  /** The number of older rows. */
  get more(): number {
    return this.#left + Math.max(0, this.#kept.length - this.#limit);
  }

  get total(): number {
    return this.#left + this.#kept.length;
  }

  #cut(): void {
    this.#kept.sort((one, other) => descending(this.#timeOf(one), this.#timeOf(other)));
    this.#left += Math.max(0, this.#kept.length - this.#limit);
    if (this.#kept.length > this.#limit) this.#kept.length = this.#limit;
  }
}

function descending(one: number | string, other: number | string): number {
  if (one === other) return 0;
  return one > other ? -1 : 1;
}

/** Keeps the first `limit` rows, and the number of the others. */
export class Listing<Row> {
  readonly rows: Row[] = [];
  readonly #limit: number;
  /** The number of further rows. */
  more = 0;
  /** The number of documents that this version can't parse. */
  unreadable = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(row: Row): void {
    if (this.rows.length < this.#limit) this.rows.push(row);
    else this.more += 1;
  }
}

export interface BatchFilter {
  readonly workflowId?: string;
  readonly status?: BatchStatus;
  /** The first batch of the lineage. */
  readonly lineageId?: string;
}

const dayMs = daySeconds * 1_000;

export interface BatchListing {
  /** Newest first. */
  readonly batches: readonly BatchSummary[];
  /** The number of older batches that were read. */
  readonly more: number;
}

/**
 * The newest batches. Where each read costs money, days are read from the newest on until enough batches are found;
 * elsewhere all are read. Batches that this version can't parse are logged and left out.
 */
export async function listBatches(
  dependencies: Dependencies,
  filter: BatchFilter,
  limit: number,
): Promise<BatchListing> {
  const { retentionSeconds } = dependencies.settings;
  const isSmall = filter.lineageId !== undefined || filter.status === "RUNNING";
  const found = new Newest<BatchSummary>(limit, ({ createdAt }) => createdAt);
  if (retentionSeconds === undefined || isSmall) await read(dependencies, filter, [], found);
  else await newestDays(dependencies, filter, limit, Math.ceil((retentionSeconds * 1_000) / dayMs), found);
  return { batches: found.rows, more: found.more };
}

/** Doubles the number of days each time: most callers want recent batches, some an old one. */
async function newestDays(
  dependencies: Dependencies,
  filter: BatchFilter,
  limit: number,
  days: number,
  found: Newest<BatchSummary>,
): Promise<void> {
  // Clocks of processes that start batches may be ahead of this one.
  const newest = dependencies.clock.now() + dayMs;
  let first = 0;
  for (let count = 2; first <= days + 1 && found.total < limit; count *= 2) {
    const stretch = Array.from({ length: count }, (_, index) => utcDay(newest - (first + index) * dayMs));
    await Promise.all(
      stretch.map((day) => read(dependencies, filter, [{ field: "day", equals: day }], found)),
    );
    first += count;
  }
}

async function read(
  { store, logger }: Dependencies,
  { workflowId, status, lineageId }: BatchFilter,
  more: readonly Condition[],
  found: Newest<BatchSummary>,
): Promise<void> {
  const conditions = [
    ...more,
    ...(status ? [{ field: "status", equals: status }] : []),
    ...(lineageId ? [{ field: "lineageId", equals: lineageId }] : []),
  ];
  const use = ({ data }: { readonly data: TaskBatch }) => {
    if (!workflowId || workflowId === data.workflowId) found.add(batchSummary(data));
  };
  const unreadable = await new Records(store, recordKinds.batch).eachReadable(conditions, use);
  if (unreadable > 0) logger.error("batches that can't be parsed are left out", { unreadable });
}
