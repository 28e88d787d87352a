import { decideArrival } from "../core/claim.ts";
import type { TaskDefinition } from "../core/definition.ts";
import { BatonError, messageOf } from "../core/errors.ts";
import { type AttemptOutcome, type Settlement, settle } from "../core/settlement.ts";
import { isTerminal } from "../core/status.ts";
import type { SyncMark } from "../ports/store.ts";
import { runAttempt } from "./attempt.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { completionMessage, executeMessage } from "./messages.ts";
import { publishSince } from "./publish.ts";
import type { ClaimOutcome, StoredLog, TaskLogs } from "./task-logs.ts";

/** Runs tasks: claim, run, commit the outcome, publish the completion. */
export class Executor {
  readonly #dependencies: Dependencies;
  readonly #logs: TaskLogs;

  constructor(dependencies: Dependencies, logs: TaskLogs) {
    this.#dependencies = dependencies;
    this.#logs = logs;
  }

  /** Whatever it finds, when it returns something durable will take the task further without this message. */
  async execute(batch: PinnedBatch, taskId: string, since: SyncMark): Promise<void> {
    const task = batch.graph.tasks.get(taskId);
    if (!task) throw new BatonError("TASK_UNKNOWN", `Batch ${batch.batchId} has no task ${taskId}`);
    await this.#continue(batch, task, await this.#logs.claimFirst(batch, taskId), since);
  }

  /** Follows a claim to its end; after every lost race, decides anew from what won. */
  async #continue(
    batch: PinnedBatch,
    task: TaskDefinition,
    outcome: ClaimOutcome,
    mark: SyncMark,
  ): Promise<void> {
    let claim = outcome;
    while (claim.kind === "lost") {
      const next = await this.#arrive(batch, task, claim.current, mark);
      if (!next) return;
      claim = next;
    }
    const { ended, attempt } = await runAttempt(
      this.#dependencies,
      this.#logs,
      batch,
      task,
      claim.claim,
      mark,
    );
    if (ended) await this.settle(batch, task, attempt, ended);
    else await this.#continueFromStore(batch, task);
  }

  async #settleWithin(batch: PinnedBatch, from: StoredLog, settlement: Settlement): Promise<ClaimOutcome> {
    for (const delayMs of settleRetryMs) {
      try {
        return await this.#logs.settle(batch, from, settlement);
      } catch (error) {
        const { logger, clock } = this.#dependencies;
        logger.warn("an outcome could not be stored; trying again", { delayMs, error: messageOf(error) });
        await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
      }
    }
    return this.#logs.settle(batch, from, settlement);
  }

  async #continueFromStore(batch: PinnedBatch, task: TaskDefinition): Promise<void> {
    const mark = this.#dependencies.store.mark();
    const current = await this.#logs.read(batch.batchId, task.id);
    await this.#continue(batch, task, { kind: "lost", current }, mark);
  }

  async #arrive(
    batch: PinnedBatch,
    task: TaskDefinition,
    found: StoredLog | undefined,
    since: SyncMark,
  ): Promise<ClaimOutcome | undefined> {
    if (!found) return this.#logs.claimFirst(batch, task.id);
    const arrival = decideArrival(found.log, found.ageMs);
    switch (arrival.kind) {
      case "ended":
        await publishSince(this.#dependencies, since, [
          completionMessage(batch.batchId, task.id, arrival.ending),
        ]);
        return undefined;
      case "held":
        await this.#dependencies.timer.schedule(executeMessage(batch, task.id), arrival.remainingMs);
        return undefined;
      case "take":
        return this.#logs.claimNext(found, arrival);
      case "lost_too_often":
        await this.settle(
          batch,
          task,
          found,
          failure("TASK_LOST_TOO_OFTEN", `its worker was lost ${found.log.lostLeases + 1} times`),
        );
        return undefined;
      case "event_timeout":
        await this.settle(
          batch,
          task,
          found,
          failure("EVENT_TIMEOUT", `no completion came within ${found.log.dueSeconds} s`),
        );
        return undefined;
    }
  }

  /** Commits how a task came out, if the log is still as it was read, and sets off what follows from it. */
  async settle(
    batch: PinnedBatch,
    task: TaskDefinition,
    from: StoredLog,
    outcome: AttemptOutcome,
  ): Promise<void> {
    const { timer, ids, logger } = this.#dependencies;
    const settlement = settle(task, from.log, outcome, ids.random());
    const since = this.#dependencies.store.mark();
    const settled = await this.#settleWithin(batch, from, settlement);
    if (settled.kind === "lost") {
      logger.warn("the outcome came too late: the claim had been lost", {
        batchId: batch.batchId,
        taskId: task.id,
        attempt: from.log.attempt,
      });
      return this.#continueFromStore(batch, task);
    }
    const { log } = settled.claim;
    if (isTerminal(log.status)) {
      const ending = { status: log.status, reason: log.reason };
      await publishSince(this.#dependencies, since, [completionMessage(batch.batchId, task.id, ending)]);
    } else await timer.schedule(executeMessage(batch, task.id), (log.dueSeconds ?? 0) * 1_000);
  }
}

/** How often, and after how long, a settle that the store refuses is tried again: the work is done, only its record is not. */
const settleRetryMs = [100, 300, 900, 2_700];

function failure(code: "TASK_LOST_TOO_OFTEN" | "EVENT_TIMEOUT", message: string): AttemptOutcome {
  return { kind: "failed", error: { code, message, retryable: false } };
}
