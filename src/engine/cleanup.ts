import { ExecutionSchema, isSpent } from "../core/execution.ts";
import { limits } from "../core/limits.ts";
import type { DocumentStore } from "../ports/store.ts";
import { deleteDocuments, deleteSteps } from "./delete-steps.ts";

/** Deletes execution records that say nothing any more, with their steps: a stretch of them at each sweep. */
export class Cleanup {
  readonly #store: DocumentStore;
  #after = "";

  constructor(store: DocumentStore) {
    this.#store = store;
  }

  async next(): Promise<void> {
    const { documents, readTime } = await this.#store.query("executions", [], {
      limit: limits.executionsPerSweep,
      startAfter: this.#after,
    });
    this.#after = documents.length < limits.executionsPerSweep ? "" : (documents.at(-1)?.key.id ?? "");
    const spent = documents.filter((document) =>
      isSpent(ExecutionSchema.parse(document.data), readTime - document.updateTime),
    );
    // Before their record: as long as that stands, they are found again.
    for (const document of spent) await deleteSteps(this.#store, ExecutionSchema.parse(document.data));
    await deleteDocuments(this.#store, spent);
  }
}
