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
 * Counts the parents of a join. Callers that ask in the same turn share one count: it starts after all of their
 * commits, so it is as strong for each as a count of its own.
 */
export class JoinCounter {
  readonly #store: DocumentStore;
  readonly #unstarted = new Map<string, Promise<number>>();

  constructor(store: DocumentStore) {
    this.#store = store;
  }

  /** Counts as much as has to be known after the ending to decide about the children of the join. */
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
    // Not all have ended while some of its own shard have not: how many of the others makes no difference then.
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

/** How an ending is passed on. */
export interface DispatchOptions {
  /** Look again, whatever this process remembers of having done. */
  readonly redrive: boolean;
  /** Only to these children; those before them are seen to. */
  readonly rest: TaskMessage["rest"];
  /** Begun before anything that the ending rests on was read. */
  readonly unit: UnitOfWork;
}

interface Ended {
  readonly taskId: string;
  readonly ending: Ending;
}

interface Decision {
  readonly child: Child;
  readonly verdict: ChildDecision;
}

/** Passes the ending of a task on to its children. */
export class FanOut {
  readonly #dependencies: Dependencies;
  readonly #counter: JoinCounter;

  constructor(dependencies: Dependencies) {
    this.#dependencies = dependencies;
    this.#counter = new JoinCounter(dependencies.store);
  }

  /**
   * Passes on how the task of this delivery has ended, and publishes what follows from it. With inline completions the
   * delivery is acknowledged when the children are published. If the process dies before that, the redelivered message
   * finds the task ended and passes it on again.
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
   * Starts or skips every child that this ending decides. Several parents of one join may see it complete and all
   * pass it on; what this process has passed on already it does not pass on again, unless `redrive` is set.
   */
  async dispatchChildren(
    batch: PinnedBatch,
    taskId: string,
    ending: Ending,
    pass: DispatchOptions,
  ): Promise<void> {
    if (ending.status === "CANCELLED") return;
    const joins = batch.graph.joinsByParent.get(taskId) ?? [];
    const concerned = pass.rest ? joins.filter(({ id }) => id === pass.rest?.joinId) : joins;
    await Promise.all(concerned.map((join) => this.#passOnJoin(batch, join, { taskId, ending }, pass)));
  }

  async #passOnJoin(batch: PinnedBatch, join: Join, ended: Ended, pass: DispatchOptions): Promise<void> {
    const { redrive, rest, unit } = pass;
    const isPassedOn = () => batch.decidedJoins.has(join) && !redrive;
    if (isPassedOn()) return;
    const counts = await this.#counter.count(batch.batchId, join, ended.taskId, ended.ending);
    // By another parent, whose count came first.
    if (isPassedOn()) return;
    const all = join.children
      .map((child, index) => ({ child, index, verdict: decideChild(child.rule, join, ended.ending, counts) }))
      .slice(rest?.from)
      .filter(
        ({ child, verdict }) => verdict.kind !== "wait" && (redrive || !batch.passedOn.has(child.taskId)),
      );
    const decisions = all.slice(0, limits.childrenPerMessage);
    if (decisions.length === 0) return;
    const next = all[limits.childrenPerMessage]?.index;
    const onwards = next === undefined ? [] : [this.#restMessage(batch, join, ended, next, redrive)];
    await this.#remembering(batch, join, decisions, unit, () => this.#start(batch, decisions, onwards, pass));
  }

  #restMessage(
    batch: PinnedBatch,
    join: Join,
    ended: Ended,
    from: number,
    redrive: boolean,
  ): OutgoingMessage {
    const rest = { joinId: join.id, from };
    const options = redrive ? { rest, redrive } : { rest };
    return completionMessage(batch.batchId, ended.taskId, ended.ending, options);
  }

  /** Remembers before it is done, so that others need not do it too, and forgets when it could not be done. */
  async #remembering(
    batch: PinnedBatch,
    join: Join,
    decisions: readonly Decision[],
    unit: UnitOfWork,
    pass: () => Promise<void>,
  ): Promise<void> {
    for (const { child } of decisions) batch.passedOn.add(child.taskId);
    const decided = join.children.every((child) => batch.passedOn.has(child.taskId));
    if (decided) batch.decidedJoins.add(join);
    const forget = () => {
      // mutation: failed-fan-out-is-forgotten
      for (const { child } of decisions) batch.passedOn.delete(child.taskId);
      batch.decidedJoins.delete(join);
    };
    try {
      await pass();
    } catch (error) {
      forget();
      throw error;
    }
    // The delivery waits for the same sync, but gives its slot back first.
    unit.durable().catch(forget);
  }

  /** `onwards`: sees to further children. It goes out with the first of these, so that those wait for nobody. */
  async #start(
    batch: PinnedBatch,
    decisions: readonly Decision[],
    onwards: readonly OutgoingMessage[],
    { redrive, unit }: DispatchOptions,
  ): Promise<void> {
    const options = redrive ? { redrive } : {};
    const starts = [...onwards];
    const skips: { taskId: string; reason: Reason }[] = [];
    for (const { child, verdict } of decisions) {
      if (verdict.kind === "ready") starts.push(executeMessage(batch, child.taskId, options));
      if (verdict.kind === "skip") skips.push({ taskId: child.taskId, reason: verdict.reason });
    }
    if (starts.length > 0) await unit.publish(starts);
    for (let first = 0; first < skips.length; first += limits.writesPerCommit)
      await this.#skip(batch, skips.slice(first, first + limits.writesPerCommit), unit);
  }

  /** Skips by create-if-absent, and passes every skip on: a skip that exists already may not have been. */
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
      // The log exists: its own ending is read and passed on.
      // mutation: existing-skip-is-passed-on
      return unverifiedCompletionMessage(batch.batchId, taskId);
    });
    await unit.publish(completions);
  }
}
