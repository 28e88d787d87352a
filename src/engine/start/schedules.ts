import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import type { StartMessage } from "../../core/messages.ts";
import type { ScheduleCursor } from "../../core/records.ts";
import { decideDueSlots, type Schedule, slotInput, slotKey, slotText } from "../../core/schedule/schedule.ts";
import { isoTime } from "../../core/values/time.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import type { DeadLetters } from "../dead-letters.ts";
import type { Dependencies } from "../dependencies.ts";
import { durably } from "../records/commit.ts";
import { Records, recordKinds, type Stored } from "../records/records.ts";
import { isRetryable, type Starter } from "./start-batch.ts";

/**
 * Starts batches at the times of schedules. How far each schedule has come is a document, its cursor. Slots start
 * first and the cursor moves after them, so a process that dies between starts them again, to no effect: the
 * id of a batch follows from its slot. For the same reason any number of processes may tick at once.
 */
export class Schedules {
  readonly #dependencies: Dependencies;
  readonly #starter: Starter;
  readonly #deadLetters: DeadLetters;
  readonly #cursors: Records<ScheduleCursor, Omit<ScheduleCursor, "lastSlot" | "nonce">>;

  constructor(dependencies: Dependencies, starter: Starter, deadLetters: DeadLetters) {
    this.#dependencies = dependencies;
    this.#starter = starter;
    this.#deadLetters = deadLetters;
    this.#cursors = new Records(dependencies.store, recordKinds.scheduleCursor);
  }

  /** Starts every slot that is due. A schedule that fails does not keep the others from starting; throws then. */
  async tick(): Promise<void> {
    const { catalog, logger } = this.#dependencies;
    const failures: unknown[] = [];
    for (const workflow of await catalog.all())
      for (const trigger of workflow.triggers) {
        if (trigger.type !== "schedule") continue;
        try {
          await this.#follow(workflow, trigger);
        } catch (error) {
          const { workflowId } = workflow.definition;
          logger.error("a schedule failed", { workflowId, cron: trigger.cron, error: errorMessage(error) });
          failures.push(error);
        }
      }
    if (failures.length > 0) throw failures[0];
  }

  async #follow(workflow: DeployedWorkflow, schedule: Schedule): Promise<void> {
    const { store, logger } = this.#dependencies;
    const { workflowId } = workflow.definition;
    // Now is what the store says it is: the clocks of workers may be wrong.
    const snapshot = await store.get(this.#cursors.key({ ...schedule, workflowId }));
    const { readTime } = snapshot;
    const found = this.#cursors.parse(snapshot);
    // A schedule begins when it is first seen: nothing before that was missed.
    if (!found) return this.#move(workflowId, schedule, undefined, readTime);
    const { lastSlot } = found.data;
    const decision = decideDueSlots(schedule, lastSlot, readTime);
    const { due } = decision;
    if (decision.wasAhead)
      logger.warn("a schedule goes on from now: its clock was ahead and has been set back", {
        workflowId,
        cron: schedule.cron,
        was: isoTime(lastSlot),
      });
    if (decision.skips) logger.warn("missed slots are skipped", { workflowId, cron: schedule.cron });
    const started = await this.#startInOrder(workflow, schedule, due);
    const reached = "failure" in started ? started.reached : decision.lastSlot;
    if (reached !== undefined && reached !== lastSlot) await this.#move(workflowId, schedule, found, reached);
    if ("failure" in started) throw started.failure;
  }

  /** Stops at the first slot that can't be started now: those after it wait for it. */
  async #startInOrder(
    workflow: DeployedWorkflow,
    schedule: Schedule,
    due: readonly number[],
  ): Promise<{ readonly reached: number | undefined; readonly failure?: unknown }> {
    const { store } = this.#dependencies;
    let reached: number | undefined;
    for (const slot of due) {
      try {
        // The cursor must not outlive a start that is undone.
        await durably(store, () => this.#start(workflow, schedule, slot));
      } catch (failure) {
        return { reached, failure };
      }
      reached = slot;
    }
    return { reached };
  }

  /** A slot that the workflow refuses becomes a dead letter, which starts the very same batch once it is replayed. */
  async #start(workflow: DeployedWorkflow, schedule: Schedule, slot: number): Promise<void> {
    try {
      await this.#starter.startBySlot(workflow, schedule, slot);
    } catch (error) {
      if (isRetryable(error) || !(error instanceof BatonError)) throw error;
      const { workflowId } = workflow.definition;
      this.#dependencies.logger.error("a slot was refused", {
        workflowId,
        slot: slotText(slot),
        error: error.message,
      });
      const start: StartMessage = {
        kind: "start",
        workflowId,
        input: slotInput(schedule, slot),
        key: slotKey(schedule, slot),
      };
      const body = Buffer.from(JSON.stringify(start));
      const headers = { "content-type": "application/json" };
      const { code, message } = error;
      await this.#deadLetters.keep(body, { code, message, source: "schedule", headers });
    }
  }

  /** Losing to another process is fine: it has started the same slots, or will. */
  async #move(
    workflowId: string,
    { cron, timeZone }: Schedule,
    found: Stored<ScheduleCursor> | undefined,
    lastSlot: number,
  ): Promise<void> {
    const nonce = this.#dependencies.ids.unique();
    await this.#cursors.write(found, { workflowId, cron, timeZone, lastSlot, nonce });
  }
}
