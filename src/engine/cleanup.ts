import { ExecutionSchema, isSpent } from "../core/execution.ts";
import { limits } from "../core/limits.ts";
import type { DocumentStore } from "../ports/store.ts";
import { deleteEach } from "./delete-documents.ts";
import { deleteSteps } from "./delete-steps.ts";

/** Deletes execution records that say nothing any more, with their steps: a stretch of them at each sweep. */
export class Cleanup {
  readonly #store: DocumentStore;
  #after: string | undefined;

  constructor(store: DocumentStore) {
    this.#store = store;
  }

  async next(): Promise<void> {
    const { documents, readTime } = await this.#store.query("executions", [], {
      limit: limits.executionsPerSweep,
      ...(this.#after !== undefined && { startAfter: this.#after }),
    });
    this.#after = documents.length < limits.executionsPerSweep ? undefined : documents.at(-1)?.key.id;
    for (const document of documents) {
      const { data: execution } = ExecutionSchema.safeParse(document.data);
      const ageMs = readTime - document.updateTime;
      if (!execution || !isSpent(execution, ageMs - limits.spentMarginSeconds * 1_000)) continue;
      // Before their record: as long as that stands, they are found again.
      await deleteSteps(this.#store, execution);
      await deleteEach(this.#store, [document]);
    }
  }
}
