import {
  type CallbackAddress,
  type CallbackTarget,
  callbackUrlRule,
  isCallbackUrl,
} from "../core/callback.ts";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "../core/definition.ts";
import { BatonError } from "../core/errors.ts";
import { executionKey, fieldValues, type Idempotency } from "../core/idempotency.ts";
import type { JsonValue } from "../core/json.ts";
import { limits } from "../core/limits.ts";
import { fillTemplate, isOptionalReference, secretsIn } from "../core/template.ts";
import type { TaskRunner } from "../ports/task-runner.ts";
import type { PinnedBatch } from "./batches.ts";
import type { Parents } from "./parents.ts";
import type { StoredLog } from "./task-logs.ts";

export interface DescribedCall {
  /** Its idempotency key; null when the task has none. */
  readonly key: string | null;
  /** Where it reports to. */
  readonly target: CallbackTarget | undefined;
}

/** What a call of a task means: its arguments, its idempotency key, and where it reports to. */
export class Calls {
  readonly #runner: TaskRunner;
  readonly #parents: Parents;

  constructor(runner: TaskRunner, parents: Parents) {
    this.#runner = runner;
    this.#parents = parents;
  }

  /** Throws `TEMPLATE_INVALID`, `CALLBACK_URL_INVALID`, `IDEMPOTENCY_KEY_INVALID`, and what a key function throws. */
  async describe(
    batch: PinnedBatch,
    task: TaskDefinition,
    claimed: Pick<StoredLog, "log" | "writtenAt">,
  ): Promise<DescribedCall> {
    const key = task.idempotency ? await this.#key(batch, task, task.idempotency, claimed) : null;
    return { key, target: await this.callbackTarget(batch, task) };
  }

  /** The key of a claimed task; once it has been made, the TaskLog holds it. */
  async #key(
    batch: PinnedBatch,
    task: TaskDefinition,
    idempotency: Idempotency,
    claimed: Pick<StoredLog, "log" | "writtenAt">,
  ): Promise<string> {
    if (claimed.log.key !== null) return claimed.log.key;
    const call = {
      workflowId: batch.workflowId,
      taskId: task.id,
      batchId: batch.batchId,
      arguments: await this.#arguments(batch, task),
      claimedAt: claimed.writtenAt,
    };
    if (idempotency.key.by !== "function") return executionKey(idempotency, call);
    return executionKey(idempotency, call, await this.#runner.customKey(call));
  }

  /**
   * None where the address is optional and the batch has none. Throws `TEMPLATE_INVALID`, `CALLBACK_URL_INVALID`,
   * `IDEMPOTENCY_KEY_INVALID`.
   */
  async callbackTarget(batch: PinnedBatch, task: TaskDefinition): Promise<CallbackTarget | undefined> {
    const { callback } = task;
    if (!callback) return undefined;
    const url = await fillTemplate(callback.url, this.#parents.templateScope(batch, task.id));
    // Only an optional reference, `{{ input.url? }}`, is filled with nothing: all else is checked below.
    if (url === null && isOptionalReference(callback.url)) return undefined;
    const address = requireAddress(url, secretsIn(callback.url), task);
    const { archive } = callback;
    if (!archive) return { ...address, archive: null };
    const call = { taskId: task.id, arguments: await this.#arguments(batch, task) };
    return {
      ...address,
      archive: { table: archive.table, key: Object.fromEntries(fieldValues(archive.key, call)) },
    };
  }

  /** The input of the batch for a task that is a function, the filled parameters for a built-in. */
  async #arguments(batch: PinnedBatch, task: TaskDefinition): Promise<JsonValue> {
    if (task.type === FUNCTION_TASK_TYPE) return batch.input;
    return fillTemplate(task.with, this.#parents.templateScope(batch, task.id));
  }
}

/** With secrets in it, the address is known only when it is sent; what is known of it now is checked now. */
function requireAddress(url: JsonValue, secrets: readonly string[], task: TaskDefinition): CallbackAddress {
  const isKnown = secrets.length === 0;
  if (typeof url === "string" && (isKnown ? isCallbackUrl(url) : url.length <= limits.urlCharacters))
    return isKnown ? { url } : { url, secrets: [...secrets] };
  throw new BatonError("CALLBACK_URL_INVALID", callbackUrlRule, { where: `task ${task.id}` });
}
