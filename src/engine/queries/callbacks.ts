import type { Callback } from "../../core/callback.ts";
import { type ErrorCode, errorCatalog } from "../../core/errors/error-catalog.ts";
import { BatonError, TaskError } from "../../core/errors/errors.ts";
import type { ArchivedCallback, CallbackArchive, CallbackCondition } from "../../ports/callbacks.ts";
import type { CallbackOutbox } from "../callback-outbox.ts";
import type { Ports } from "../dependencies.ts";
import { callbackMessage, UnitOfWork } from "../outgoing-messages.ts";
import { durably } from "../records/commit.ts";
import type { IdempotencyStore } from "../records/idempotency-records.ts";
import { Records, recordKinds } from "../records/records.ts";
import { Listing } from "./batch-list.ts";

interface CallbackAdminParts extends Ports<"store" | "broker" | "callbackArchive"> {
  readonly outbox: CallbackOutbox;
  readonly records: IdempotencyStore;
}

/** Shows final callbacks and sends them again. */
export class CallbackAdmin {
  readonly #parts: CallbackAdminParts;

  constructor(parts: CallbackAdminParts) {
    this.#parts = parts;
  }

  async find(callbackId: string): Promise<Callback | undefined> {
    return (await this.#parts.outbox.read(callbackId))?.data;
  }

  /** Throws `CALLBACK_UNKNOWN`. */
  async require(eventId: string): Promise<Callback> {
    const found = await this.find(eventId);
    if (!found) throw new BatonError("CALLBACK_UNKNOWN", `There is no callback ${eventId}`);
    return found;
  }

  ofBatch(batchId: string): Promise<Callback[]> {
    return this.#parts.outbox.ofBatch(batchId);
  }

  ofKey(key: string): Promise<Callback[]> {
    return this.#parts.outbox.ofKey(key);
  }

  /** Some callbacks of a state, and whether there are more. */
  async ofState(state: Callback["state"], limit: number): Promise<Listing<Callback>> {
    const listing = new Listing<Callback>(limit);
    const records = new Records(this.#parts.store, recordKinds.callback);
    listing.unreadable = await records.eachReadable(
      [{ field: "state", equals: state }],
      ({ data }) => listing.add(data),
      () => listing.hasMore,
    );
    return listing;
  }

  /**
   * The final callback of a key: that of its cached result, else the newest one, which may outlive its record.
   * Throws `EXECUTION_UNKNOWN`, `CALLBACK_UNKNOWN`.
   */
  async lastOfKey(key: string): Promise<Callback> {
    const record = await this.#parts.records.read(key);
    const cachedId = record?.data.callbackId ?? null;
    const cached = cachedId === null ? undefined : await this.find(cachedId);
    if (cached) return cached;
    const made = await this.#parts.outbox.ofKey(key);
    const firsts = made.filter(({ callbackId, eventId }) => callbackId === eventId);
    const last = firsts.sort((one, other) => other.occurredAt - one.occurredAt)[0];
    if (last) return last;
    if (!record) await this.#parts.records.require(key);
    throw new BatonError("CALLBACK_UNKNOWN", `The key ${key} has no stored callback`);
  }

  /** Sends a stored callback again. Durable when it returns. Throws `CALLBACK_UNKNOWN`. */
  resend(callbackId: string): Promise<Callback> {
    return durably(this.#parts.store, () => this.#parts.outbox.resend(callbackId));
  }

  /** Throws `SQL_FAILED`, `TABLE_MISMATCH`, and what the warehouse throws. */
  archived(table: string, condition: CallbackCondition, limit: number): Promise<FoundCallbacks> {
    return findArchived(this.#parts.callbackArchive, table, condition, limit);
  }

  /** Publishes the callbacks that are due. One that a sender holds, or that backs off, is left alone. */
  async driveDue(callbackIds: readonly string[]): Promise<void> {
    const unit = new UnitOfWork(this.#parts);
    for (const callbackId of callbackIds) {
      const found = await this.#parts.outbox.read(callbackId);
      if (found?.data.state === "PENDING" && found.ageMs >= found.data.dueSeconds * 1_000)
        await unit.publish([callbackMessage(callbackId)]);
    }
  }
}

export interface FoundCallbacks {
  readonly callbacks: readonly ArchivedCallback[];
  /** More match than `limit`. */
  readonly hasMore: boolean;
}

/**
 * Callbacks of a table of the archive, oldest first. Throws `SQL_FAILED`, `TABLE_MISMATCH`, and what the warehouse
 * throws.
 */
async function findArchived(
  archive: CallbackArchive,
  table: string,
  condition: CallbackCondition,
  limit: number,
): Promise<FoundCallbacks> {
  try {
    const found = await archive.find(table, condition, limit + 1);
    return { callbacks: found.slice(0, limit), hasMore: found.length > limit };
  } catch (thrown) {
    throw codedError(thrown);
  }
}

/** The archive throws errors for tasks; the caller here is a person. */
function codedError(thrown: unknown): unknown {
  if (!(thrown instanceof TaskError) || !isErrorCode(thrown.code)) return thrown;
  return new BatonError(thrown.code, thrown.message, { cause: thrown });
}

function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(errorCatalog, code);
}
