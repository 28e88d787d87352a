import {
  type ChildDecision,
  decideChild,
  type Ending,
  type JoinCount,
  type JoinCounts,
  nextCountToRead,
} from "../core/joins.ts";
import { limits } from "../core/limits.ts";
import type { TaskMessage } from "../core/messages.ts";
import type { Reason } from "../core/records.ts";
import { joinToken, terminalLogWithoutRun } from "../core/settlement.ts";
import type { Child, Join } from "../core/workflow/graph.ts";
import type { OutgoingMessage } from "../ports/broker.ts";
import type { DocumentStore } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import {
  completionMessage,
  executeMessage,
  type UnitOfWork,
  unverifiedCompletionMessage,
} from "./outgoing-messages.ts";
import type { PinnedBatch } from "./records/batches.ts";
import { commitEachIdempotent, type NoncedWrite } from "./records/commit.ts";
import { logKey } from "./records/task-logs.ts";

/**
 * Counts the ended parents of a join. Callers in the same tick share one count: it starts after the commits of all of
 * them, so it is as exact for each as a count of its own.
 */
export class JoinCounter {
  readonly #store: DocumentStore;
  readonly #unstarted = new Map<string, Promise<number>>();

  constructor(store: DocumentStore) {
    this.#store = store;
  }

  /** Reads only the counts that this ending needs to decide the children of the join. */
  async count(batchId: string, join: Join, taskId: string, ending: Ending): Promise<JoinCounts> {
    let counts: JoinCounts = {};
    for (
      let tally = nextCountToRead(join, ending, counts);
      tally;
      tally = nextCountToRead(join, ending, counts)
    )
      counts = { ...counts, [tally]: await this.#countTally(batchId, join, tally, taskId) };
    return counts;
  }

  async #countTally(batchId: string, join: Join, tally: JoinCount, taskId: string): Promise<number> {
    if (!join.shards) return await this.#countToken(joinToken(batchId, join.id, tally));
    const { sizes, shardByParent } = join.shards;
    const countShard = (shard: number) => this.#countToken(joinToken(batchId, join.id, tally, shard));
    const own = shardByParent.get(taskId) ?? 0;
    const counted = await countShard(own);
    // The own shard is incomplete, so the join is: the other shards make no difference.
    if (tally === "ended" && counted < (sizes[own] ?? 0)) return counted;
    const others = [...sizes.keys()].filter((shard) => shard !== own);
    const counts = await Promise.all(others.map(countShard));
    return counts.reduce((sum, count) => sum + count, counted);
  }

  #countToken(token: string): Promise<number> {
    const shared = this.#unstarted.get(token);
    if (shared) return shared;
    const count = Promise.resolve().then(() => {
      // mutation: count-starts-after-the-commit
      this.#unstarted.delete(token);
      return this.#store.count("taskLogs", { field: "arrivals", equals: token });
    });
    this.#unstarted.set(token, count);
    return count;
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

interface DecidedChild {
  readonly child: Child;
  readonly decision: ChildDecision;
}

/** Fan-out: starts or skips the children of a task that has ended. */
export class FanOut {
  readonly #dependencies: Dependencies;
  readonly #counter: JoinCounter;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
    this.#counter = new JoinCounter(dependencies.store);
  }

  /**
   * Publishes the completion of the task of this delivery, and its final callback. With inline completions the children are
   * dispatched instead, and the delivery is acknowledged when they are published. If the process dies before that, the
   * redelivered message finds the task ended and dispatches its children again.
   */
  async announceEnding(
    batch: PinnedBatch,
    taskId: string,
    ending: Ending,
    { callbacks, unit }: { readonly callbacks: readonly OutgoingMessage[]; readonly unit: UnitOfWork },
  ): Promise<void> {
    const isInline = this.#dependencies.settings.completions === "inline";
    const messages = isInline ? callbacks : [completionMessage(batch.batchId, taskId, ending), ...callbacks];
    if (messages.length > 0) await unit.publish(messages);
    if (!isInline) return;
    // mutation: inline-children-are-published-before-the-acknowledgement
    return this.dispatchChildren(batch, taskId, ending, { redrive: false, rest: undefined, unit });
  }

  /**
   * Starts or skips each child that this ending decides. Several parents may find their join complete and dispatch its
   * children; this process remembers what it has dispatched and repeats that only for a redrive.
   */
  async dispatchChildren(
    batch: PinnedBatch,
    taskId: string,
    ending: Ending,
    options: DispatchOptions,
  ): Promise<void> {
    if (ending.status === "CANCELLED") return;
    const joins = batch.graph.joinsByParent.get(taskId) ?? [];
    const affected = options.rest ? joins.filter(({ id }) => id === options.rest?.joinId) : joins;
    await Promise.all(affected.map((join) => this.#dispatchJoin(batch, join, { taskId, ending }, options)));
  }

  async #dispatchJoin(
    batch: PinnedBatch,
    join: Join,
    ended: TaskEnding,
    options: DispatchOptions,
  ): Promise<void> {
    const { redrive, rest, unit } = options;
    const isDispatched = () => batch.dispatchedJoins.has(join) && !redrive;
    if (isDispatched()) return;
    const counts = await this.#counter.count(batch.batchId, join, ended.taskId, ended.ending);
    // Another parent has dispatched it during the count.
    if (isDispatched()) return;
    const all = join.children
      .map((child, index) => ({
        child,
        index,
        decision: decideChild(child.rule, join, ended.ending, counts),
      }))
      .slice(rest?.from)
      .filter(
        ({ child, decision }) =>
          decision.kind !== "wait" && (redrive || !batch.dispatchedChildren.has(child.taskId)),
      );
    const decisions = all.slice(0, limits.childrenPerMessage);
    if (decisions.length === 0) return;
    const next = all[limits.childrenPerMessage]?.index;
    const continuation =
      next === undefined ? [] : [this.#continuationMessage(batch, join, ended, next, redrive)];
    await this.#withMemory(batch, join, decisions, unit, () =>
      this.#publish(batch, decisions, continuation, options),
    );
  }

  #continuationMessage(
    batch: PinnedBatch,
    join: Join,
    ended: TaskEnding,
    from: number,
    redrive: boolean,
  ): OutgoingMessage {
    const rest = { joinId: join.id, from };
    const options = redrive ? { rest, redrive } : { rest };
    return completionMessage(batch.batchId, ended.taskId, ended.ending, options);
  }

  /** Remembers the dispatch before it happens, so that other parents do not repeat it. Forgets it after a failure. */
  async #withMemory(
    batch: PinnedBatch,
    join: Join,
    decisions: readonly DecidedChild[],
    unit: UnitOfWork,
    dispatch: () => Promise<void>,
  ): Promise<void> {
    for (const { child } of decisions) batch.dispatchedChildren.add(child.taskId);
    const decided = join.children.every((child) => batch.dispatchedChildren.has(child.taskId));
    if (decided) batch.dispatchedJoins.add(join);
    const forget = () => {
      // mutation: failed-fan-out-is-forgotten
      for (const { child } of decisions) batch.dispatchedChildren.delete(child.taskId);
      batch.dispatchedJoins.delete(join);
    };
    try {
      await dispatch();
    } catch (error) {
      forget();
      throw error;
    }
    // Not awaited: the delivery waits for the same sync after it has released its slot.
    const durable = unit.durable();
    if (durable instanceof Promise) durable.catch(forget);
  }

  /** `continuation`: the message for the children of the next page. It is published with the first children of this one. */
  async #publish(
    batch: PinnedBatch,
    decisions: readonly DecidedChild[],
    continuation: readonly OutgoingMessage[],
    { redrive, unit }: DispatchOptions,
  ): Promise<void> {
    const options = redrive ? { redrive } : {};
    const starts = [...continuation];
    const skips: { taskId: string; reason: Reason }[] = [];
    for (const { child, decision } of decisions) {
      if (decision.kind === "ready") starts.push(executeMessage(batch, child.taskId, options));
      if (decision.kind === "skip") skips.push({ taskId: child.taskId, reason: decision.reason });
    }
    if (starts.length > 0) await unit.publish(starts);
    for (let first = 0; first < skips.length; first += limits.writesPerCommit)
      await this.#skip(batch, skips.slice(first, first + limits.writesPerCommit), unit);
  }

  /** Skips by create-if-absent. Publishes the completion of each: the process that created a skip may have died before. */
  async #skip(
    batch: PinnedBatch,
    skips: readonly { taskId: string; reason: Reason }[],
    unit: UnitOfWork,
  ): Promise<void> {
    const { store, ids, clock } = this.#dependencies;
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
