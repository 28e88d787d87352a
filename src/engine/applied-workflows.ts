import { type AppliedWorkflow, AppliedWorkflowSchema } from "../core/records.ts";
import { type Schedule, scheduleIdOf } from "../core/schedule.ts";
import { ConflictError, type DocumentKey, type Write } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { commitOwned } from "./owned-commit.ts";
import { pages } from "./pages.ts";
import { durably } from "./unit-of-work.ts";

type Parts = Pick<Dependencies, "store" | "ids" | "clock">;

/** Workflows stored as data. Batches that run keep the definition they began with. */
export class AppliedWorkflows {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Stores the workflow in place of an earlier one of the same id. The source has been validated. */
  async apply(workflowId: string, source: string): Promise<void> {
    const { store, ids, clock } = this.#parts;
    const key = keyOf(workflowId);
    await durably(store, async () => {
      for (;;) {
        const { document } = await store.get(key);
        const data: AppliedWorkflow = { workflowId, source, appliedAt: clock.now(), nonce: ids.unique() };
        const outcome = await commitOwned(
          store,
          document ? { kind: "update", key, version: document.version, data } : { kind: "create", key, data },
        );
        if (outcome.kind === "won") return;
      }
    });
  }

  async find(workflowId: string): Promise<AppliedWorkflow | undefined> {
    const { document } = await this.#parts.store.get(keyOf(workflowId));
    return document && AppliedWorkflowSchema.parse(document.data);
  }

  /**
   * Deletes the workflow. `schedules`: those that nothing follows any more; applied again, they start from then on
   * rather than catch up with what was never wanted. False when there was no such workflow.
   */
  remove(workflowId: string, schedules: readonly Schedule[]): Promise<boolean> {
    return durably(this.#parts.store, () => this.#remove(workflowId, schedules));
  }

  async #remove(workflowId: string, schedules: readonly Schedule[]): Promise<boolean> {
    const { store } = this.#parts;
    for (let isAsked = false; ; isAsked = true) {
      const { document } = await store.get(keyOf(workflowId));
      // Gone after we asked: it was us, whatever the answer said.
      if (!document) return isAsked;
      const writes: Write[] = [{ kind: "delete", key: document.key, version: document.version }];
      for (const schedule of schedules) {
        const key: DocumentKey = { collection: "schedules", id: scheduleIdOf(workflowId, schedule) };
        const { document: cursor } = await store.get(key);
        if (cursor) writes.push({ kind: "delete", key, version: cursor.version });
      }
      await store.commit(writes).catch((error: unknown) => {
        // It was applied again, or a schedule went on, or it is our own delete that was sent twice.
        if (!(error instanceof ConflictError)) throw error;
      });
    }
  }

  async all(): Promise<AppliedWorkflow[]> {
    const found: AppliedWorkflow[] = [];
    for await (const page of pages(this.#parts.store, "workflows", []))
      found.push(...page.documents.map((document) => AppliedWorkflowSchema.parse(document.data)));
    return found;
  }
}

function keyOf(workflowId: string): DocumentKey {
  return { collection: "workflows", id: workflowId };
}
