import { ExecutionSchema, isSpent, stepScope } from "../core/execution.ts";
import { limits } from "../core/limits.ts";
import type { DocumentStore, StoredDocument } from "../ports/store.ts";
import { pages } from "./pages.ts";

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
    for (const document of spent) await this.#deleteSteps(document);
    await this.#delete(spent);
  }

  /** Before their record: as long as that stands, they are found again. */
  async #deleteSteps(document: StoredDocument): Promise<void> {
    const execution = ExecutionSchema.parse(document.data);
    const scope = stepScope({ batchId: "", taskId: "" }, execution);
    for await (const page of pages(this.#store, "steps", [{ field: "scope", equals: scope }]))
      await this.#delete(page.documents);
  }

  /** A document that was written meanwhile stays. */
  async #delete(documents: readonly StoredDocument[]): Promise<void> {
    for (let first = 0; first < documents.length; first += limits.writesPerCommit)
      await this.#store.commitEach(
        documents
          .slice(first, first + limits.writesPerCommit)
          .map(({ key, version }) => ({ kind: "delete", key, version })),
      );
  }
}
