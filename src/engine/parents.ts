import { BatonError } from "../core/errors.ts";
import type { JsonValue } from "../core/json.ts";
import type { TemplateScope } from "../core/template.ts";
import type { ParentOutcome } from "../ports/task-runner.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Dependencies } from "./dependencies.ts";
import { insist } from "./insist.ts";
import { readResult } from "./results.ts";
import type { TaskLogs } from "./task-logs.ts";

/** What the parents of a task left behind. */
export class Parents {
  readonly #dependencies: Dependencies;
  readonly #logs: TaskLogs;

  constructor(dependencies: Dependencies, logs: TaskLogs) {
    this.#dependencies = dependencies;
    this.#logs = logs;
  }

  outcome(batch: PinnedBatch, taskId: string): Promise<ParentOutcome> {
    // mutation: parent-store-errors-are-retried
    return insist(this.#dependencies, () => this.#outcome(batch, taskId));
  }

  async #outcome(batch: PinnedBatch, taskId: string): Promise<ParentOutcome> {
    const found = await this.#logs.read(batch.batchId, taskId);
    if (!found) throw new Error(`The TaskLog of parent ${taskId} is gone`);
    const { status, result, error } = found.log;
    return { status, error, result: await readResult(this.#dependencies.objects, result) };
  }

  /** What `{{ … }}` in the definition of a task refers to. */
  templateScope(batch: PinnedBatch, taskId: string): TemplateScope {
    return {
      batchId: batch.batchId,
      input: batch.input,
      parent: (parentId) => this.#resultOf(batch, taskId, parentId),
    };
  }

  async #resultOf(batch: PinnedBatch, taskId: string, parentId: string): Promise<JsonValue> {
    if (!batch.graph.tasks.get(taskId)?.after.includes(parentId))
      throw new BatonError("NOT_A_PARENT", `Task ${taskId} does not name ${parentId} in \`after\``);
    return (await this.outcome(batch, parentId)).result;
  }
}
