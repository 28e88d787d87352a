import {
  decideAdmission,
  type Execution,
  type Holder,
  isExpiredExecution,
  toDisplayedHolder,
} from "../idempotency-lock.ts";
import type { StoredError } from "../records.ts";
import type { JsonValue } from "../values/json.ts";
import { isoTime } from "../values/time.ts";

/** Times are ISO 8601, UTC. */
interface AttemptView extends Holder {
  readonly endedAt: string;
}

/** An execution record as `baton explain --json` prints it. */
export interface ExecutionView {
  readonly key: string;
  readonly state: Execution["state"];
  /** Explains the state. */
  readonly why: string;
  readonly generation: string;
  readonly token: number;
  /** The holder of the key. `isOver`: the lease has expired, so the next call takes the key. */
  readonly lock: (Holder & { readonly until: string; readonly isOver: boolean }) | null;
  /** Null unless the next call would get it. */
  readonly result: { readonly value: JsonValue; readonly until: string } | null;
  /** The last success, also if its result has expired. */
  readonly producedBy: AttemptView | null;
  readonly lastFailure: (AttemptView & { readonly error: StoredError }) | null;
  /** The effect of a call with this key now. */
  readonly nextCall: { readonly runs: boolean; readonly why: string };
}

/** `ageMs`: time since the record was written, by the store's clock; `now`: when it was read. */
export function executionView(execution: Execution, ageMs: number, now: number): ExecutionView {
  const { key, state, generation, token, holder, producedBy, lastFailure } = execution;
  const until = isoTime(now - ageMs + execution.dueSeconds * 1_000);
  const isOver = ageMs >= execution.dueSeconds * 1_000;
  return {
    key,
    state,
    why: whyText(execution, until, ageMs),
    generation,
    token,
    lock: state === "PROCESSING" && holder ? { ...toDisplayedHolder(holder), until, isOver } : null,
    result: state === "SUCCESS" && !isOver ? { value: resultValue(execution), until } : null,
    producedBy: producedBy && { ...producedBy, endedAt: isoTime(producedBy.endedAt) },
    lastFailure: lastFailure && { ...lastFailure, endedAt: isoTime(lastFailure.endedAt) },
    nextCall: nextCall(execution, ageMs),
  };
}

function resultValue({ result }: Execution): JsonValue {
  if (result === null) return null;
  return "value" in result ? result.value : { ...result };
}

function whyText(execution: Execution, until: string, ageMs: number): string {
  const { state, holder, producedBy, lastFailure } = execution;
  const isExpired = isExpiredExecution(execution, ageMs);
  switch (state) {
    case "PROCESSING":
      return ageMs < execution.dueSeconds * 1_000
        ? `${attemptText(holder)} holds the lock until ${until}, or longer if it renews it`
        : `${attemptText(holder)} held the lock, but has not renewed it: it expired at ${until}`;
    case "SUCCESS":
      return isExpired
        ? `done by ${attemptText(producedBy)}, but the result expired at ${until}`
        : `done by ${attemptText(producedBy)}; the result is cached until ${until}`;
    case "FREE":
      if (!isExpired)
        return lastFailure
          ? `not done: ${attemptText(lastFailure)} failed; its stored steps are kept until ${until}`
          : `not done: released or unlocked; its stored steps are kept until ${until}`;
      return producedBy
        ? `last done by ${attemptText(producedBy)}; no result is cached`
        : "earlier calls left no record";
  }
}

function nextCall(execution: Execution, ageMs: number): ExecutionView["nextCall"] {
  const admission = decideAdmission({ execution, ageMs }, { batchId: "", taskId: "" });
  switch (admission.kind) {
    case "completed": {
      const resend = execution.callbackId === null ? "" : ", and has the stored final callback sent again";
      return { runs: false, why: `does not run: it gets the stored result (already_completed)${resend}` };
    }
    case "locked":
      return {
        runs: false,
        why: 'does not run now: it waits for the lock, or is SKIPPED (lock_held) if its task has onLocked "skip"',
      };
    case "take":
      return admission.generation === undefined
        ? { runs: true, why: "runs from the beginning" }
        : { runs: true, why: `runs, and continues after the stored steps${waitingTaskText(execution)}` };
  }
}

/** The lock of a waiting task may outlast its lease: only the TaskLog of the task shows it. */
function waitingTaskText({ state, holder }: Execution): string {
  return state === "PROCESSING" && holder
    ? `, unless task ${holder.taskId} of batch ${holder.batchId} waits`
    : "";
}

function attemptText(attempt: Pick<Holder, "batchId" | "taskId" | "attempt"> | null): string {
  if (!attempt) return "no attempt";
  return `attempt ${attempt.attempt} of task ${attempt.taskId} in batch ${attempt.batchId}`;
}
