import {
  type DecidedChild,
  decideChildren,
  type Ending,
  type JoinCount,
  type JoinCounts,
  type JoinShards,
  nextCountToRead,
} from "../core/joins.ts";
import { limits } from "../core/limits.ts";
import type { TaskMessage } from "../core/messages.ts";
import type { Reason } from "../core/records.ts";
import { joinToken, terminalLogWithoutRun } from "../core/settlement.ts";
import type { Child, Join } from "../core/workflow/graph.ts";
import type { OutgoingMessage } from "../ports/broker.ts";
import { andThen, atOnce, type DocumentStore, type MaybePromise } from "../ports/store.ts";
import type { Ports } from "./dependencies.ts";
import {
  completionMessage,
  executeMessage,
  type UnitOfWork,
  unverifiedCompletionMessage,
} from "./outgoing-messages.ts";
import type { JoinMemory, PinnedBatch } from "./records/batches.ts";
import { commitEachIdempotent, type NoncedWrite } from "./records/commit.ts";
import { logKey } from "./records/task-logs.ts";

/**
 * Counts the ended parents of a join. A store that has to be asked over a network is asked once for all callers of the
 * same tick: the count starts after the commits of all of them, so it is as exact for each as a count of its own.
 */
export class JoinCounter {
  readonly #store: Pick<DocumentStore, "count">;
  readonly #unstarted = new Map<string, Promise<number>>();
  /** The store has answered a count within the call, so there is nothing to share. */
  #answersAtOnce = false;

  constructor(store: Pick<DocumentStore, "count">) {
    this.#store = store;
  }

  /** Reads only the counts that this ending needs to decide the children of the join. */
  count(
    batch: Pick<PinnedBatch, "batchId" | "joins">,
    join: Join,
    taskId: string,
    ending: Ending,
    read: JoinCounts = {},
  ): MaybePromise<JoinCounts> {
    const tally = nextCountToRead(join, ending, read);
    if (!tally || batch.joins.of(join).running > 0) return read;
    const countRest = (counted: number) =>
      this.count(batch, join, taskId, ending, { ...read, [tally]: counted });
    return andThen(this.#countTally(batch.batchId, join, tally, taskId), countRest);
  }

  #countTally(batchId: string, join: Join, tally: JoinCount, taskId: string): MaybePromise<number> {
    if (!join.shards) return this.#countToken(joinToken(batchId, join.id, tally));
    return this.#countShards(batchId, join.id, join.shards, tally, taskId);
  }

  async #countShards(
    batchId: string,
    joinId: string,
    { sizes, shardByParent }: JoinShards,
    tally: JoinCount,
    taskId: string,
  ): Promise<number> {
    const countShard = (shard: number) => this.#countToken(joinToken(batchId, joinId, tally, shard));
    const own = shardByParent.get(taskId) ?? 0;
    const counted = await countShard(own);
    // The own shard is incomplete, so the join is: the other shards make no difference.
    if (tally === "ended" && counted < (sizes[own] ?? 0)) return counted;
    const others = [...sizes.keys()].filter((shard) => shard !== own);
    const counts = await Promise.all(others.map(countShard));
    return counts.reduce((sum, count) => sum + count, counted);
  }

  #countToken(token: string): MaybePromise<number> {
    if (this.#answersAtOnce) return this.#countNow(token);
    const shared = this.#unstarted.get(token);
    if (shared) return shared;
    const count = Promise.resolve().then(() => {
      // mutation: count-starts-after-the-commit
      this.#unstarted.delete(token);
      const counted = this.#countNow(token);
      this.#answersAtOnce = !(counted instanceof Promise);
      return counted;
    });
    this.#unstarted.set(token, count);
    return count;
  }

  #countNow(token: string): MaybePromise<number> {
    return this.#store.count("taskLogs", { field: "arrivals", equals: token });
  }
}

export interface DispatchOptions {
  /** Dispatch again what this process remembers as dispatched. */
  readonly redrive: boolean;
  /** Resume from this child; earlier ones have been dispatched. */
  readonly rest: TaskMessage["rest"];
  /** Created before the ending was read or written. */
  readonly unit: UnitOfWork;
}

interface TaskEnding {
  readonly taskId: string;
  readonly ending: Ending;
}

interface Skip {
  readonly taskId: string;
  readonly reason: Reason;
}

type FanOutPorts = Ports<"store" | "ids" | "clock" | "settings">;

/** Fan-out: starts or skips the children of a task that has ended. */
export class FanOut {
  readonly #ports: FanOutPorts;
  readonly #counter: JoinCounter;

  constructor(ports: FanOutPorts) {
    this.#ports = ports;
    this.#counter = new JoinCounter(ports.store);
  }

  /**
   * Publishes the completion of the task of this delivery, and its final callback. With inline completions the children
   * are dispatched instead, and the delivery is acknowledged when they are published. If the process dies before that,
   * the redelivered message finds the task ended and dispatches its children again.
   */
  announceEnding(
    batch: PinnedBatch,
    taskId: string,
    ending: Ending,
    { callbacks, unit }: { readonly callbacks: readonly OutgoingMessage[]; readonly unit: UnitOfWork },
  ): MaybePromise<void> {
    if (this.#ports.settings.completions !== "inline")
      return unit.publish([completionMessage(batch.batchId, taskId, ending), ...callbacks]);
    const published = callbacks.length > 0 ? unit.publish(callbacks) : undefined;
    const dispatch = () =>
      this.dispatchChildren(batch, taskId, ending, { redrive: false, rest: undefined, unit });
    // mutation: inline-children-are-published-before-the-acknowledgement
    return andThen(published, dispatch);
  }

  /**
   * Starts or skips each child that this ending decides. Several parents may find their join complete and dispatch its
   * children; this process remembers what it has dispatched and repeats that only for a redrive.
   */
  dispatchChildren(
    batch: PinnedBatch,
    taskId: string,
    ending: Ending,
    options: DispatchOptions,
  ): MaybePromise<void> {
    if (ending.status === "CANCELLED") return;
    const running: Promise<void>[] = [];
    for (const join of batch.graph.joinsByParent.get(taskId) ?? []) {
      if (options.rest && join.id !== options.rest.joinId) continue;
      const dispatched = atOnce(() => this.#dispatchJoin(batch, join, { taskId, ending }, options));
      if (dispatched instanceof Promise) running.push(dispatched);
    }
    if (running.length > 0) return Promise.all(running).then(() => undefined);
  }

  #dispatchJoin(
    batch: PinnedBatch,
    join: Join,
    ended: TaskEnding,
    options: DispatchOptions,
  ): MaybePromise<void> {
    if (!options.redrive && this.#memoryOf(batch, join).dispatched === "all") return;
    const counts = this.#counter.count(batch, join, ended.taskId, ended.ending);
    return andThen(counts, (known) => this.#dispatchDecided(batch, join, ended, known, options));
  }

  #dispatchDecided(
    batch: PinnedBatch,
    join: Join,
    { taskId, ending }: TaskEnding,
    counts: JoinCounts,
    options: DispatchOptions,
  ): MaybePromise<void> {
    const { redrive, rest } = options;
    const memory = this.#memoryOf(batch, join);
    const dispatched = redrive ? undefined : memory.dispatched;
    // Another parent has dispatched it during the count.
    if (dispatched === "all") return;
    const { decided, next } = decideChildren(join, ending, counts, {
      from: rest?.from ?? 0,
      most: limits.childrenPerMessage,
      isOpen: (child) => !dispatched?.has(child.taskId),
    });
    if (decided.length === 0) return;
    const messages: OutgoingMessage[] = [];
    if (next !== undefined)
      messages.push(
        completionMessage(batch.batchId, taskId, ending, {
          rest: { joinId: join.id, from: next },
          ...(redrive && { redrive }),
        }),
      );
    remember(memory, join, decided);
    const published = atOnce(() => this.#publish(batch, decided, messages, options));
    if (!(published instanceof Promise)) return;
    return published.catch((error: unknown) => {
      // mutation: failed-fan-out-is-forgotten
      memory.dispatched = undefined;
      throw error;
    });
  }

  #memoryOf({ joins }: PinnedBatch, join: Join): JoinMemory {
    joins.forgetUndone(this.#ports.store.mark());
    return joins.of(join);
  }

  /** `messages`: those to publish with the starts. A message for the next page is one of them. */
  #publish(
    batch: PinnedBatch,
    decided: readonly DecidedChild<Child>[],
    messages: OutgoingMessage[],
    { redrive, unit }: DispatchOptions,
  ): MaybePromise<void> {
    const options = redrive ? { redrive } : {};
    const skips: Skip[] = [];
    for (const { child, decision } of decided) {
      if (decision.kind === "ready") messages.push(executeMessage(batch, child.taskId, options));
      if (decision.kind === "skip") skips.push({ taskId: child.taskId, reason: decision.reason });
    }
    const published = messages.length > 0 ? unit.publish(messages) : undefined;
    return skips.length > 0 ? this.#skipAll(batch, skips, unit, published) : published;
  }

  async #skipAll(
    batch: PinnedBatch,
    skips: readonly Skip[],
    unit: UnitOfWork,
    published: MaybePromise<void>,
  ): Promise<void> {
    await published;
    for (let first = 0; first < skips.length; first += limits.writesPerCommit)
      await this.#skip(batch, skips.slice(first, first + limits.writesPerCommit), unit);
  }

  /**
   * Skips by create-if-absent. Publishes the completion of each: the process that created a skip may have died before.
   */
  async #skip(batch: PinnedBatch, skips: readonly Skip[], unit: UnitOfWork): Promise<void> {
    const { store, ids, clock } = this.#ports;
    const writes = skips.map(({ taskId, reason }): NoncedWrite => {
      const stamp = { nonce: ids.unique(), now: clock.now() };
      const log = terminalLogWithoutRun(
        batch.graph,
        { batchId: batch.batchId, taskId },
        { status: "SKIPPED", reason },
        stamp,
      );
      return { kind: "create", key: logKey(batch.batchId, taskId), data: log };
    });
    const outcomes = await commitEachIdempotent(store, writes);
    const completions = skips.map(({ taskId, reason }, index) => {
      const isOurs = outcomes[index]?.kind === "won";
      if (isOurs) return completionMessage(batch.batchId, taskId, { status: "SKIPPED", reason });
      // The log exists. Its ending may be another one, so the handler has to read it.
      // mutation: existing-skip-is-passed-on
      return unverifiedCompletionMessage(batch.batchId, taskId);
    });
    await unit.publish(completions);
  }
}

/** Before the dispatch, so that other parents do not repeat it meanwhile. */
function remember(memory: JoinMemory, { children }: Join, decided: readonly DecidedChild<Child>[]): void {
  if (memory.dispatched === "all") return;
  if (!memory.dispatched && decided.length === children.length) {
    memory.dispatched = "all";
    return;
  }
  const before = memory.dispatched ?? new Set<string>();
  for (const { child } of decided) before.add(child.taskId);
  memory.dispatched = before.size === children.length ? "all" : before;
}
