import type { BatchStatus, TaskBatch } from "../../core/records.ts";
import { daySeconds, utcDay } from "../../core/values/time.ts";
import { type BatchSummary, batchSummary } from "../../core/views/views.ts";
import type { Condition } from "../../ports/store.ts";
import type { Dependencies } from "../dependencies.ts";
import { Records, recordKinds } from "../records/records.ts";

/** The newest of any number of rows, as many as were asked for; of the others, only the number is kept. */
export class Newest<Row> {
  readonly #limit: number;
  readonly #timeOf: (row: Row) => number | string;
  #kept: Row[] = [];
  #left = 0;

  /** `timeOf`: numbers, or ISO texts, of which the greater is newer. */
  constructor(limit: number, timeOf: (row: Row) => number | string) {
    this.#limit = limit;
    this.#timeOf = timeOf;
  }

  add(row: Row): void {
    this.#kept.push(row);
    // Sorted once for as many as are kept, not for each: that costs a comparison or two a row.
    if (this.#kept.length >= 2 * this.#limit) this.#cut();
  }

  /** Newest first. */
  get rows(): readonly Row[] {
    this.#cut();
    return this.#kept;
  }

  /** Older ones that were not asked for. */
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

/** Rows of a list, as many as were asked for; of the others, only the number is kept. */
export class Listing<Row> {
  readonly rows: Row[] = [];
  readonly #limit: number;
  /** Further ones that were not asked for. */
  more = 0;
  /** Documents that this version can't read; they are passed over. */
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
  /** Older ones that were read and not asked for. */
  readonly more: number;
}

/**
 * The newest batches, so many at most; what is older is counted and not kept. Where reading is paid for by the
 * document, only as many days are looked through, from the newest on, as it takes to find them; elsewhere all.
 * Batches that this version can't read hide no others.
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

/** Twice as many days at once as the time before: most are asked for the last ones, some for a batch of long ago. */
async function newestDays(
  dependencies: Dependencies,
  filter: BatchFilter,
  limit: number,
  days: number,
  found: Newest<BatchSummary>,
): Promise<void> {
  // The clocks of those that start batches may be ahead of this one.
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
  if (unreadable > 0) logger.error("batches that can't be read are left out", { unreadable });
}
