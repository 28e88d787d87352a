import {
  type CallbackAddress,
  type CallbackTarget,
  callbackUrlRule,
  isCallbackUrl,
} from "../core/callback.ts";
import { decideClaim } from "../core/claim.ts";
import { BatonError } from "../core/errors/errors.ts";
import {
  claimExecution,
  decideAdmission,
  type Execution,
  type Holder,
  isSameTask,
  type LockedAdmission,
} from "../core/execution-record.ts";
import { executionKey, fieldValues, type Idempotency } from "../core/idempotency.ts";
import { limits } from "../core/limits.ts";
import { isParkReason } from "../core/records.ts";
import { fillTemplate, isOptionalReference, secretsIn } from "../core/template/template.ts";
import type { JsonValue } from "../core/values/json.ts";
import { FUNCTION_TASK_TYPE, type TaskDefinition } from "../core/workflow/definition.ts";
import type { TaskRunner } from "../ports/task-runner.ts";
import type { Dependencies } from "./dependencies.ts";
import type { Parents } from "./execute/attempt.ts";
import type { PinnedBatch } from "./records/batches.ts";
import type { Claim, Claims } from "./records/claims.ts";
import type { IdempotencyStore, StoredExecution } from "./records/executions.ts";
import type { StoredLog, TaskLogs } from "./records/task-logs.ts";

export type AdmissionResult =
  /** Run it: the key, if it has one, is ours. `spent`: whose steps belong to a result that has run out, and are nobody's. */
  | { readonly kind: "run"; readonly claim: Claim; readonly spent?: Execution | undefined }
  /** It has been done. */
  | { readonly kind: "completed"; readonly execution: Execution }
  /** Another call is at it. */
  | LockedAdmission
  /** Meanwhile the TaskLog has become somebody else's. */
  | { readonly kind: "lost" };

/** Lets a claimed task run, unless its idempotency key says that the work is done or being done. */
export class IdempotencyGate {
  readonly #dependencies: Dependencies;
  readonly #logs: TaskLogs;
  readonly #claims: Claims;
  readonly #records: IdempotencyStore;

  constructor(dependencies: Dependencies, logs: TaskLogs, claims: Claims, records: IdempotencyStore) {
    this.#dependencies = dependencies;
    this.#logs = logs;
    this.#claims = claims;
    this.#records = records;
  }

  async admit(
    batch: PinnedBatch,
    task: TaskDefinition,
    claimed: StoredLog,
    key: string | null,
  ): Promise<AdmissionResult> {
    const { idempotency } = task;
    // mutation: key-is-taken
    if (!idempotency || key === null) return { kind: "run", claim: { log: claimed, execution: undefined } };
    return this.#admit(batch, task, idempotency, key, claimed);
  }

  async #admit(
    batch: PinnedBatch,
    task: TaskDefinition,
    idempotency: Idempotency,
    key: string,
    claimed: StoredLog,
  ): Promise<AdmissionResult> {
    const { batchId } = batch;
    const holder = {
      batchId,
      taskId: task.id,
      attempt: claimed.log.attempt,
      worker: this.#dependencies.worker,
    };
    for (;;) {
      const found = await this.#records.read(key);
      const admission = decideAdmission(found && { execution: found.data, ageMs: found.ageMs }, holder);
      if (admission.kind !== "take") return admission;
      if (found && (await this.#holderGoesOn(found, holder)))
        return { kind: "locked", remainingMs: limits.lockPollSeconds.most * 1_000, byCancel: false };
      const isAnew = admission.generation === undefined;
      const nonce = this.#dependencies.ids.unique();
      const { lockSeconds } = idempotency;
      const execution = claimExecution(key, found?.data, admission, { holder, lockSeconds, nonce });
      const claim = await this.#claims.acquire(claimed, found, execution);
      if (claim) return { kind: "run", claim, spent: isAnew ? found?.data : undefined };
      const current = await this.#logs.read(batchId, task.id);
      if (current?.version !== claimed.version) return { kind: "lost" };
    }
  }

  /**
   * A task that waits has no worker that could keep its lock, and its message may stand in line for longer than the lock: as
   * long as its TaskLog says that it goes on, it has the lock, within bounds. The same until it has reached its key again: then
   * its log has been written since the record was.
   */
  async #holderGoesOn(
    { data: execution, version, ageMs }: StoredExecution,
    arriving: Pick<Holder, "batchId" | "taskId">,
  ): Promise<boolean> {
    const { key, state, holder, dueSeconds } = execution;
    if (state !== "PROCESSING" || !holder || isSameTask(holder, arriving)) return false;
    if (ageMs >= (dueSeconds + limits.parkedLockMarginSeconds) * 1_000) return false;
    const held = await this.#logs.read(holder.batchId, holder.taskId);
    if (held?.log.key !== key) return false;
    const { status, reason } = held.log;
    // mutation: parked-holder-keeps-its-lock
    if (status === "WAITING") return isParkReason(reason) && reason !== "lock_held";
    const isAlive = decideClaim(held.log, held.ageMs).kind === "held";
    return isAlive && held.version !== version;
  }
}

export interface TaskInvocation {
  /** Its idempotency key; null when the task has none. */
  readonly key: string | null;
  /** Where it reports to. */
  readonly target: CallbackTarget | undefined;
}

/** What a call of a task means: its arguments, its idempotency key, and where it reports to. */
export class TaskInvocations {
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
  ): Promise<TaskInvocation> {
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
