import { limits } from "../../core/limits.ts";
import { type BatchStatus, type TaskBatch, TaskBatchSchema } from "../../core/records.ts";
import { daySeconds, utcDay } from "../../core/values/time.ts";
import { type BatchSummary, batchSummary } from "../../core/views/views.ts";
import type { Condition } from "../../ports/store.ts";
import type { Logger } from "../../ports/telemetry.ts";
import type { Ports } from "../dependencies.ts";
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

/** The first `limit` rows of what is read, and whether there are more. */
export class Listing<Row> {
  readonly rows: Row[] = [];
  readonly #limit: number;
  hasMore = false;
  /** The number of documents that this version can't parse. */
  unreadable = 0;

  constructor(limit: number) {
    this.#limit = limit;
  }

  add(row: Row): void {
    if (this.rows.length < this.#limit) this.rows.push(row);
    else this.hasMore = true;
  }
}

export interface BatchFilter {
  readonly workflowId?: string;
  readonly status?: BatchStatus;
  /** The first batch of the lineage. */
  readonly lineageId?: string;
}

const dayMs = daySeconds * 1_000;

/** Days that are read at the same time. */
const mostDaysAtOnce = 32;

export interface BatchListing {
  /** Newest first. */
  readonly batches: readonly BatchSummary[];
  /** Whether there are older ones. */
  readonly hasMore: boolean;
}

type ListPorts = Ports<"store" | "clock" | "logger">;

/**
 * The newest batches. A store that keeps their order is asked for as many as are wanted. Elsewhere days are read from
 * the newest on, until enough batches are found. Batches that this version can't parse are logged and left out.
 */
export async function listBatches(
  ports: ListPorts & Ports<"settings">,
  filter: BatchFilter,
  limit: number,
): Promise<BatchListing> {
  const { retentionSeconds } = ports.settings;
  const isSmall = filter.lineageId !== undefined || filter.status === "RUNNING";
  const found = new Newest<BatchSummary>(limit, ({ createdAt }) => createdAt);
  const listing = () => ({ batches: found.rows, hasMore: found.more > 0 });
  if (Number.isFinite(limit) && (await readInOrder(ports, filter, limit, found))) return listing();
  if (retentionSeconds === undefined || isSmall) await read(ports, filter, [], found);
  else await newestDays(ports, filter, limit, Math.ceil((retentionSeconds * 1_000) / dayMs), found);
  return listing();
}

/** Reads pages until one batch more than `limit` is found. False: the store keeps no order. */
async function readInOrder(
  { store, logger }: ListPorts,
  filter: BatchFilter,
  limit: number,
  found: Newest<BatchSummary>,
): Promise<boolean> {
  let startAfter: string | undefined;
  let unreadable = 0;
  for (let isMore = true; isMore && found.total <= limit; ) {
    const order = { by: "creation", ...(startAfter !== undefined && { startAfter }) } as const;
    const perPage = Math.min(limit + 1, limits.largeDocumentsPage);
    const page = await store.inOrder("batches", conditionsOf(filter, ["workflowId"]), order, perPage);
    if (!page) return false;
    for (const document of page.documents) {
      const { data } = TaskBatchSchema.safeParse(document.data);
      if (data) found.add(batchSummary(data));
      else unreadable += 1;
    }
    startAfter = page.documents.at(-1)?.key.id;
    isMore = page.documents.length === perPage;
  }
  logUnreadable(logger, unreadable);
  return true;
}

/** Doubles the number of days each time, up to a bound: most callers want recent batches, some an old one. */
async function newestDays(
  ports: ListPorts,
  filter: BatchFilter,
  limit: number,
  days: number,
  found: Newest<BatchSummary>,
): Promise<void> {
  // Clocks of processes that start batches may be ahead of this one.
  const newest = ports.clock.now() + dayMs;
  let first = 0;
  for (let count = 2; first <= days + 1 && found.total < limit; count = Math.min(2 * count, mostDaysAtOnce)) {
    const stretch = Array.from({ length: count }, (_, index) => utcDay(newest - (first + index) * dayMs));
    await Promise.all(stretch.map((day) => read(ports, filter, [{ field: "day", equals: day }], found)));
    first += count;
  }
}

async function read(
  { store, logger }: ListPorts,
  filter: BatchFilter,
  more: readonly Condition[],
  found: Newest<BatchSummary>,
): Promise<void> {
  const { workflowId } = filter;
  const conditions = [...more, ...conditionsOf(filter, [])];
  const use = ({ data }: { readonly data: TaskBatch }) => {
    if (!workflowId || workflowId === data.workflowId) found.add(batchSummary(data));
  };
  logUnreadable(logger, await new Records(store, recordKinds.batch).eachReadable(conditions, use));
}

/** `ordered`: the fields that only an order can be restricted by. */
function conditionsOf(filter: BatchFilter, ordered: readonly (keyof BatchFilter)[]): Condition[] {
  const fields: readonly (keyof BatchFilter)[] = ["status", "lineageId", ...ordered];
  return fields.flatMap((field) => {
    const equals = filter[field];
    return equals === undefined ? [] : [{ field, equals }];
  });
}

function logUnreadable(logger: Logger, unreadable: number): void {
  if (unreadable > 0) logger.error("batches that can't be parsed are left out", { unreadable });
}
