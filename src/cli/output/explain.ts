import { remedyFor } from "../../core/errors/error-catalog.ts";
import {
  decideAdmission,
  type Execution,
  type Holder,
  isExpiredExecution,
  toDisplayedHolder,
} from "../../core/idempotency-lock.ts";
import { type StoredError, truncateResult } from "../../core/records.ts";
import type { JsonValue } from "../../core/values/json.ts";
import { isoTime } from "../../core/values/time.ts";
import type { CallbackView } from "../../core/views/views.ts";
import { oneLine, table } from "./text.ts";

/** Times are ISO 8601, UTC. */
interface AttemptView extends Holder {
  readonly endedAt: string;
}

/** An execution record as `baton explain --json` prints it. */
interface ExecutionView {
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

interface StepView {
  readonly name: string;
  /** `value`: the result of a step; `since`: the start of a wait; `timeout`: the wait timed out. */
  readonly kind: "value" | "since" | "timeout";
  readonly storedAt: string;
  /** The JSON of the value, truncated. */
  readonly value: string;
}

export interface ExplanationView extends ExecutionView {
  readonly steps: readonly StepView[];
  readonly callbacks: readonly CallbackView[];
}

/** Explains to people why a call with the key ran or did not run. */
export function explanationText(view: ExplanationView): string {
  const { key, state, why, generation, token, producedBy, lastFailure, nextCall } = view;
  const facts: readonly (readonly [string, string])[] = [
    ["key", key],
    ["state", `${state}: ${why}`],
    ["generation", `${generation}, token ${token}`],
    ["lock", lockText(view)],
    ["result", view.result ? truncateResult({ value: view.result.value }) : "none, or expired"],
    ["produced by", producedBy ? `${holderText(producedBy)} at ${producedBy.endedAt}` : "no attempt yet"],
    ["last failure", lastFailure ? failureText(lastFailure) : ""],
    ["what to do", (lastFailure && remedyFor(lastFailure.error.code)) ?? ""],
    ["next call", nextCall.why],
  ];
  const lines = facts
    .filter(([, value]) => value !== "")
    .map(([name, value]) => `${name.padEnd(12)}  ${oneLine(value)}`);
  return [...lines, "", stepsText(view.steps), "", ...callbacksText(view.callbacks)].join("\n");
}

function lockText({ lock }: ExplanationView): string {
  if (!lock) return "not locked";
  return `${holderText(lock)} on ${lock.worker}, ${lock.isOver ? "expired at" : "until"} ${lock.until}`;
}

function failureText({ error, endedAt, ...holder }: NonNullable<ExecutionView["lastFailure"]>): string {
  return `${error.code}: ${error.message} (${holderText(holder)} at ${endedAt})`;
}

function holderText({ batchId, taskId, attempt }: Holder): string {
  return `attempt ${attempt} of ${taskId} in ${batchId}`;
}

function stepsText(steps: readonly StepView[]): string {
  if (steps.length === 0) return "no steps are stored";
  const rows = steps.map(({ name, kind, storedAt, value }) => [name, storedAt, stepValue(kind, value)]);
  return table(["STEP", "STORED", "VALUE"], rows);
}

function stepValue(kind: StepView["kind"], value: string): string {
  switch (kind) {
    case "value":
      return value;
    case "since":
      return "(wait started)";
    case "timeout":
      return "(wait timed out)";
  }
}

function callbacksText(callbacks: readonly CallbackView[]): string[] {
  if (callbacks.length === 0) return ["no callbacks are stored"];
  return callbacks.flatMap((callback) => {
    const { eventId, type, state, occurredAt, resends, sends, url } = callback;
    const again = resends === 0 ? "" : `, resent ${resends === 1 ? "once" : `${resends} times`}`;
    const head = `callback ${eventId}  ${type} of ${occurredAt}  ${state}${again}`;
    const lines = sends.map(({ at, page, error }) => `  ${at}  page ${page}  ${error ?? "accepted"}`);
    return [head, `  to ${withoutQuery(url)}`, ...lines].map((line) => line.replace(/\S.*/, oneLine));
  });
}

/** Queries often contain secrets. */
export function withoutQuery(url: string): string {
  return url.replace(/\?.*$/s, "?…");
}
