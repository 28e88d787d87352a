import { remedyFor } from "../../core/errors/error-catalog.ts";
import type { Holder } from "../../core/idempotency-lock.ts";
import { truncateResult } from "../../core/records.ts";
import type { ExecutionView } from "../../core/views/execution.ts";
import type { CallbackView } from "../../core/views/views.ts";
import { oneLine, table } from "./text.ts";

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
