import * as z from "zod";
import { BatonError } from "../../core/errors/errors.ts";
import { inputToken, type TriggerKind } from "../../core/history/batch-search.ts";
import { limits } from "../../core/limits.ts";
import { type BatchStatus, type TaskBatch, TaskBatchSchema } from "../../core/records.ts";
import { type BatchSummary, batchSummary } from "../../core/views/views.ts";
import type { Condition, TimeOrder } from "../../ports/store.ts";
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

interface TimeRange {
  /** Included, in milliseconds. */
  readonly from?: number;
  /** Not included. */
  readonly before?: number;
}

export interface BatchFilter {
  readonly workflowId?: string;
  readonly status?: BatchStatus;
  /** What started it. */
  readonly trigger?: TriggerKind;
  /** A field of the input and its value, as text. */
  readonly input?: { readonly field: string; readonly value: string };
  readonly started?: TimeRange;
  readonly ended?: TimeRange;
}

export interface BatchListing {
  /** Newest first. */
  readonly batches: readonly BatchSummary[];
  /** Whether there are older ones. */
  readonly hasMore: boolean;
  /** Where the next page begins. Null if there is none. */
  readonly cursor: string | null;
}

export interface BatchPage {
  readonly limit: number;
  /** By the time of the start or of the end. Default: `end` if the filter has a time of the end, else `start`. */
  readonly by?: "start" | "end";
  /** The `cursor` of the page before. */
  readonly cursor?: string;
}

type ListPorts = Ports<"store" | "logger">;
type Position = NonNullable<TimeOrder["startAfter"]>;

/**
 * One page of batches, newest first. The store finds them by its indexes, so others are not read; only the second of
 * two ranges of time is compared here. Batches that this version can't parse are logged and left out. Throws `USAGE`
 * for a cursor that is none.
 */
export async function listBatches(
  ports: ListPorts,
  filter: BatchFilter,
  { limit, by = filter.ended ? "end" : "start", cursor }: BatchPage,
): Promise<BatchListing> {
  const time = by === "end" ? "endedAt" : "createdAt";
  const order = { by: time, ...(by === "end" ? filter.ended : filter.started) };
  const first = cursor === undefined ? {} : { startAfter: parseCursor(cursor) };
  // One more than is shown says whether there are others.
  const found = await findBatches(ports, filter, { ...order, ...first }, limit + 1);
  const shown = found.slice(0, limit);
  const last = found.length > limit ? shown.at(-1) : undefined;
  return {
    batches: shown.map(({ batch }) => batchSummary(batch)),
    hasMore: last !== undefined,
    cursor: last ? encodeCursor(last.position) : null,
  };
}

interface FoundBatch {
  readonly batch: TaskBatch;
  readonly position: Position;
}

async function findBatches(
  { store, logger }: ListPorts,
  filter: BatchFilter,
  order: TimeOrder,
  limit: number,
): Promise<FoundBatch[]> {
  const found: FoundBatch[] = [];
  const conditions = conditionsOf(filter);
  let from: Pick<TimeOrder, "startAfter"> = {};
  let unreadable = 0;
  for (let isMore = true; isMore && found.length < limit; ) {
    const perPage = Math.min(limit - found.length, limits.largeDocumentsPage);
    const { documents } = await store.newest("batches", conditions, { ...order, ...from }, perPage);
    for (const { key, data } of documents) {
      const position = { at: Number(data[order.by]), id: key.id };
      const { data: batch } = TaskBatchSchema.safeParse(data);
      if (!batch) unreadable += 1;
      else if (isWanted(batch, filter)) found.push({ batch, position });
      from = { startAfter: position };
    }
    isMore = documents.length === perPage;
  }
  if (unreadable > 0) logger.error("batches that can't be parsed are left out", { unreadable });
  return found;
}

/** All runs of a lineage, newest first. */
export async function runsOfLineage(
  { store, logger }: ListPorts,
  lineageId: string,
): Promise<readonly BatchSummary[]> {
  const runs: TaskBatch[] = [];
  const conditions = [{ field: "lineageId", equals: lineageId }];
  const unreadable = await new Records(store, recordKinds.batch).eachReadable(conditions, ({ data }) =>
    runs.push(data),
  );
  if (unreadable > 0) logger.error("batches that can't be parsed are left out", { unreadable });
  return runs.toSorted((one, other) => other.createdAt - one.createdAt).map(batchSummary);
}

function conditionsOf({ workflowId, status, trigger, input }: BatchFilter): Condition[] {
  const fields = { workflowId, status, trigger, inputs: input && inputToken(input.field, input.value) };
  return Object.entries(fields).flatMap(([field, equals]) =>
    equals === undefined ? [] : [{ field, equals }],
  );
}

function isWanted({ createdAt, endedAt }: TaskBatch, filter: BatchFilter): boolean {
  return isIn(createdAt, filter.started) && isIn(endedAt, filter.ended);
}

function isIn(time: number | null, range: TimeRange | undefined): boolean {
  if (!range) return true;
  const { from = Number.NEGATIVE_INFINITY, before = Number.POSITIVE_INFINITY } = range;
  return time !== null && time >= from && time < before;
}

const CursorSchema = z.tuple([z.number(), z.string()]);

function encodeCursor({ at, id }: Position): string {
  return Buffer.from(JSON.stringify([at, id])).toString("base64url");
}

function parseCursor(cursor: string): Position {
  try {
    const [at, id] = CursorSchema.parse(JSON.parse(Buffer.from(cursor, "base64url").toString()));
    return { at, id };
  } catch (cause) {
    throw new BatonError("USAGE", "The cursor is none that a list of batches has given", { cause });
  }
}
