import { type Execution, isExpiredExecution, toDisplayedHolder } from "../../core/idempotency-lock.ts";
import { limits } from "../../core/limits.ts";
import { type TaskLog, truncateResult } from "../../core/records.ts";
import type { CollectionName } from "../../core/storage/collections.ts";
import { isoTime } from "../../core/values/time.ts";
import type { ActiveTask, CachedResult, Lock, Stats } from "../../core/views/views.ts";
import type { DocumentStore, MaybePromise, QueryResult } from "../../ports/store.ts";
import type { Ports } from "../dependencies.ts";
import { pages, Records, recordKinds, type Stored } from "../records/records.ts";
import { Listing } from "./batch-list.ts";

/** Keys of the same workflow, ordered by the length of the common prefix. */
export function similarKeys(wanted: string, known: Iterable<string>): string[] {
  const workflow = `${wanted.split(/[/?]/, 1)[0]}/`;
  return [...known]
    .filter((key) => key.startsWith(workflow))
    .map((key) => ({ key, alike: commonCharacters(key, wanted) }))
    .sort((one, other) => other.alike - one.alike || (one.key < other.key ? -1 : 1))
    .slice(0, limits.similarKeys)
    .map(({ key }) => key);
}

function commonCharacters(one: string, other: string): number {
  const most = Math.min(one.length, other.length);
  for (let index = 0; index < most; index += 1) if (one[index] !== other[index]) return index;
  return most;
}

/** Lists what the store holds now. Documents that this version can't parse are counted. */
export class Inspection {
  readonly #store: DocumentStore;

  constructor({ store }: Ports<"store">) {
    this.#store = store;
  }

  /** Tasks of running batches that run or wait. */
  async active(limit: number): Promise<Listing<ActiveTask>> {
    const listing = new Listing<ActiveTask>(limit);
    const running = [{ field: "status", equals: "RUNNING" }];
    // Only the id of the batch is used, so it need not be parsed.
    for await (const { documents } of pages(this.#store, "batches", running, limits.largeDocumentsPage))
      for (const { key } of documents) {
        await this.#addActive(key.id, listing);
        if (listing.hasMore) return listing;
      }
    return listing;
  }

  async #addActive(batchId: string, listing: Listing<ActiveTask>): Promise<void> {
    const ofBatch = [{ field: "batchId", equals: batchId }];
    listing.unreadable += await new Records(this.#store, recordKinds.taskLog).eachReadable(
      ofBatch,
      (found) => {
        const { status } = found.data;
        if (status === "PROCESSING" || status === "WAITING") listing.add(activeTask(found));
      },
      () => listing.hasMore,
    );
  }

  /** Locked keys. */
  async locks(limit: number): Promise<Listing<Lock>> {
    const listing = new Listing<Lock>(limit);
    const add = ({ data, writtenAt, ageMs }: Stored<Execution>) => {
      const { key, holder, dueSeconds } = data;
      const until = isoTime(writtenAt + dueSeconds * 1_000);
      if (holder)
        listing.add({ key, ...toDisplayedHolder(holder), until, isOver: ageMs >= dueSeconds * 1_000 });
    };
    listing.unreadable = await this.#executions("PROCESSING", add, listing);
    return listing;
  }

  /** Keys with a cached result that has not expired. */
  async results(limit: number): Promise<Listing<CachedResult>> {
    const listing = new Listing<CachedResult>(limit);
    const add = ({ data, writtenAt, ageMs }: Stored<Execution>) => {
      const { key, producedBy, dueSeconds, result } = data;
      if (isExpiredExecution(data, ageMs)) return;
      listing.add({
        key,
        producedBy: producedBy && { ...producedBy, endedAt: isoTime(producedBy.endedAt) },
        until: isoTime(writtenAt + dueSeconds * 1_000),
        result: truncateResult(result),
      });
    };
    listing.unreadable = await this.#executions("SUCCESS", add, listing);
    return listing;
  }

  async stats(): Promise<Stats> {
    const numberOf = { letters: 0, notReplayed: 0 };
    const unreadable = await new Records(this.#store, recordKinds.deadLetter).eachReadable([], ({ data }) => {
      numberOf.letters += 1;
      if (data.replayedAt === null) numberOf.notReplayed += 1;
    });
    const batches = (status: string) => this.#count("batches", "status", status);
    const executions = (state: string) => this.#count("executions", "state", state);
    const callbacks = (state: string) => this.#count("callbacks", "state", state);
    return {
      batches: {
        RUNNING: await batches("RUNNING"),
        SUCCESS: await batches("SUCCESS"),
        ERROR: await batches("ERROR"),
        CANCELLED: await batches("CANCELLED"),
      },
      executions: {
        FREE: await executions("FREE"),
        PROCESSING: await executions("PROCESSING"),
        SUCCESS: await executions("SUCCESS"),
      },
      callbacks: {
        PENDING: await callbacks("PENDING"),
        DELIVERED: await callbacks("DELIVERED"),
        GIVEN_UP: await callbacks("GIVEN_UP"),
      },
      deadLetters: { total: numberOf.letters, notReplayed: numberOf.notReplayed },
      unreadable,
    };
  }

  /** Existing keys that are like one that does not exist. A store without orders is searched only in part. */
  async similarKeys(key: string): Promise<readonly string[]> {
    const near = await Promise.all((["down", "up"] as const).map((direction) => this.#near(key, direction)));
    const found = near.flatMap((page) => page?.documents ?? []);
    if (near.includes(undefined))
      for await (const { documents } of pages(this.#store, "executions", [], limits.largeDocumentsPage)) {
        found.push(...documents);
        if (found.length >= limits.comparedKeys) break;
      }
    return similarKeys(
      key,
      found.map(({ data }) => String(data.key)),
    );
  }

  /** The keys beside it, in their order: the longest common prefix is among them. */
  async #near(key: string, direction: "up" | "down"): Promise<QueryResult | undefined> {
    return this.#store.inOrder("executions", { field: "key", from: key, direction }, limits.similarKeys);
  }

  #executions(
    state: Execution["state"],
    use: (found: Stored<Execution>) => void,
    listing: Listing<unknown>,
  ): Promise<number> {
    const ofState = [{ field: "state", equals: state }];
    return new Records(this.#store, recordKinds.execution).eachReadable(ofState, use, () => listing.hasMore);
  }

  #count(collection: CollectionName, field: string, equals: string): MaybePromise<number> {
    return this.#store.count(collection, { field, equals });
  }
}

function activeTask({ data, writtenAt }: Stored<TaskLog>): ActiveTask {
  const { batchId, taskId, status, reason, attempt, worker, startedAt, dueSeconds, key } = data;
  const since = status === "PROCESSING" && startedAt !== null ? startedAt : writtenAt;
  const due = dueSeconds === null ? null : isoTime(writtenAt + dueSeconds * 1_000);
  return { batchId, taskId, status, reason, attempt, worker, since: isoTime(since), due, key };
}
