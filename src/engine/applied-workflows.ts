import { type AppliedWorkflow, AppliedWorkflowSchema } from "../core/records.ts";
import type { DocumentKey } from "../ports/store.ts";
import type { Dependencies } from "./dependencies.ts";
import { commitOwned } from "./owned-commit.ts";
import { pages } from "./pages.ts";

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
    const mark = store.mark();
    const key: DocumentKey = { collection: "workflows", id: workflowId };
    for (;;) {
      const { document } = await store.get(key);
      const data: AppliedWorkflow = { workflowId, source, appliedAt: clock.now(), nonce: ids.unique() };
      const outcome = await commitOwned(
        store,
        document ? { kind: "update", key, version: document.version, data } : { kind: "create", key, data },
      );
      if (outcome.kind === "won") return store.sync(mark);
    }
  }

  async all(): Promise<AppliedWorkflow[]> {
    const found: AppliedWorkflow[] = [];
    for await (const page of pages(this.#parts.store, "workflows", []))
      found.push(...page.documents.map((document) => AppliedWorkflowSchema.parse(document.data)));
    return found;
  }
}
