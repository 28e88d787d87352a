import { limits } from "../../core/limits.ts";
import type { AppliedWorkflow } from "../../core/records.ts";
import type { Schedule } from "../../core/schedule/schedule.ts";
import { ConflictError, type Write } from "../../ports/store.ts";
import type { Ports } from "../dependencies.ts";
import { durably } from "./commit.ts";
import { keyOf, Records, recordKinds } from "./records.ts";

/** Workflows stored as data. Running batches keep the definition they started with. */
export class AppliedWorkflows {
  readonly #ports: Ports<"store" | "ids" | "clock">;
  readonly #records: Records<AppliedWorkflow, Pick<AppliedWorkflow, "workflowId">>;

  constructor(ports: Ports<"store" | "ids" | "clock">) {
    this.#ports = ports;
    this.#records = new Records(ports.store, recordKinds.appliedWorkflow);
  }

  /** Replaces an earlier workflow of the same id. The source has been validated. */
  async apply(workflowId: string, source: string): Promise<void> {
    const { store, ids, clock } = this.#ports;
    await durably(store, () =>
      this.#records.update({ workflowId }, () => ({
        workflowId,
        source,
        appliedAt: clock.now(),
        nonce: ids.unique(),
      })),
    );
  }

  async find(workflowId: string): Promise<AppliedWorkflow | undefined> {
    return (await this.#records.read({ workflowId }))?.data;
  }

  /**
   * Deletes the workflow, and the cursors of `schedules` with it: if the workflow is applied again, its schedules start
   * from then and catch up on nothing. False: there was no such workflow.
   */
  remove(workflowId: string, schedules: readonly Schedule[]): Promise<boolean> {
    return durably(this.#ports.store, () => this.#remove(workflowId, schedules));
  }

  async #remove(workflowId: string, schedules: readonly Schedule[]): Promise<boolean> {
    const { store } = this.#ports;
    for (let hasDeleted = false; ; hasDeleted = true) {
      const { document } = await store.get(this.#records.key({ workflowId }));
      // Deleted after our own delete, whose reply may have been lost.
      if (!document) return hasDeleted;
      const writes: Write[] = [{ kind: "delete", key: document.key, version: document.version }];
      for (const schedule of schedules) {
        const key = keyOf(recordKinds.scheduleCursor, { ...schedule, workflowId });
        const { document: cursor } = await store.get(key);
        if (cursor) writes.push({ kind: "delete", key, version: cursor.version });
      }
      try {
        await store.commit(writes);
      } catch (error) {
        // It was applied again, a cursor moved, or the client repeated our own delete.
        if (!(error instanceof ConflictError)) throw error;
      }
    }
  }

  async all(): Promise<AppliedWorkflow[]> {
    const found: AppliedWorkflow[] = [];
    for await (const page of this.#records.pages([], limits.queryPage))
      found.push(...page.map(({ data }) => data));
    return found;
  }
}
