import type { ErrorCode } from "../core/errors/error-catalog.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { html, nothing } from "./html.ts";
import { command, time } from "./marks.ts";
import type { Page } from "./shell.ts";
import type { View } from "./view.ts";

/** What a page shows instead of itself. */
export interface Failure {
  readonly status: number;
  readonly code: string;
  readonly message: string;
  readonly remedy: string;
}

const statuses: Partial<Record<ErrorCode, number>> = {
  BATCH_UNKNOWN: 404,
  WORKFLOW_UNKNOWN: 404,
  TASK_UNKNOWN: 404,
  EXECUTION_UNKNOWN: 404,
  CALLBACK_UNKNOWN: 404,
  DEAD_LETTER_UNKNOWN: 404,
  DEFINITION_MISSING: 410,
  BATCH_EXPIRED: 410,
  USAGE: 422,
  INPUT_INVALID: 422,
  INPUT_TOO_LARGE: 422,
  NUMBER_NOT_EXACT: 422,
  KEY_REPEATED: 422,
  STORE_FAILED: 503,
  BROKER_FAILED: 503,
};

/** Errors without a code may hold paths or data, so their text is only logged. */
export function failureOf(thrown: unknown): Failure {
  if (thrown instanceof BatonError) {
    const { code, message, remedy, disposition } = thrown;
    return { status: statuses[code] ?? (disposition === "retry" ? 503 : 409), code, message, remedy };
  }
  return {
    status: 500,
    code: "INTERNAL",
    message: "The page could not be made. The log of the server says why.",
    remedy: `Look at the log for: ${errorMessage(thrown).slice(0, 80)}`,
  };
}

/** Since when the store fails, as far as this process has seen. */
let unreachableSince: number | undefined;

export function errorPage({ now, here }: View, { status, code, message, remedy }: Failure): Page {
  const isStore = status === 503;
  if (isStore) unreachableSince ??= now;
  const since = isStore
    ? html`<p>Since ${time(unreachableSince ?? now)}. The page tries again by itself.</p>`
    : nothing;
  return {
    title: isStore ? "Not reachable" : code,
    section: "none",
    status,
    liveness: isStore ? "live" : "still",
    body: html`<div class="callout error"><div><h1>${code}</h1><p class="message">${message}</p>${since}<p
      class="todo">${remedy}</p>${isStore ? command("baton doctor") : nothing}<p><a class="button"
        href="${here}">Try again</a></p></div></div>`,
  };
}

/** A page could be made: the store can be reached. */
export function noteReachable(): void {
  unreachableSince = undefined;
}
