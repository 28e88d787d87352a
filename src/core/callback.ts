import * as z from "zod";
import { fieldNames } from "./idempotency-key.ts";
import { limits } from "./limits.ts";
import { StoredResultSchema } from "./records.ts";
import { backoffMs } from "./retry.ts";
import { hashJson } from "./values/json.ts";

/**
 * Whether a callback may go to this URL. The URL is stored and shown, so it may hold no password: callbacks are signed.
 */
export function isCallbackUrl(url: string): boolean {
  if (url.length > limits.urlCharacters || !URL.canParse(url)) return false;
  const { protocol, username, password } = new URL(url);
  return (protocol === "https:" || protocol === "http:") && username === "" && password === "";
}

export const callbackUrlRule = "a callback has an http or https URL without user and password";

/** Where the workflow sends the callbacks of a task. */
export const CallbackPolicySchema = z.strictObject({
  /** May hold `{{ … }}` like the parameters of a task. */
  url: z
    .string()
    .min(1)
    .max(limits.urlCharacters)
    .refine((url) => url.includes("{{") || isCallbackUrl(url), callbackUrlRule),
  /**
   * The table of the archive, and the fields of the arguments that are its key. A field whose name ends in `?` may be
   * absent.
   */
  archive: z.strictObject({ table: z.string().min(1), key: fieldNames() }).optional(),
});
export type CallbackPolicy = z.infer<typeof CallbackPolicySchema>;

/** Where the callbacks of one call of a task go, placeholders filled. */
const CallbackTargetSchema = z.strictObject({
  url: z.string(),
  /** Names of the secrets in the URL. The URL holds references to them; the sender fills in the values. */
  secrets: z.exactOptional(z.array(z.string())),
  archive: z.strictObject({ table: z.string(), key: z.record(z.string(), z.string().nullable()) }).nullable(),
});
export type CallbackTarget = z.infer<typeof CallbackTargetSchema>;
export type CallbackAddress = Pick<CallbackTarget, "url" | "secrets">;

const SendSchema = z.strictObject({
  at: z.number(),
  page: z.int(),
  /** Null when the receiver accepted the page. */
  error: z.string().nullable(),
});

/** One event for one URL, in the outbox. It is created in the commit that settles its task. */
export const CallbackSchema = z.strictObject({
  /** The `eventId`, except for copies to another URL. */
  callbackId: z.string(),
  eventId: z.string(),
  type: z.enum(["task.completed", "task.failed"]),
  state: z.enum(["PENDING", "DELIVERED", "GIVEN_UP"]),
  /** The idempotency key of the call that made it. */
  key: z.string().nullable(),
  batchId: z.string(),
  taskId: z.string(),
  target: CallbackTargetSchema,
  data: StoredResultSchema,
  occurredAt: z.number(),
  archived: z.boolean(),
  /** Pages that the receiver has accepted since the last resend. */
  pagesTaken: z.int().nonnegative(),
  /** Failed sends in a row. */
  failures: z.int().nonnegative(),
  /** A sender holds the callback; its lease lasts until `dueSeconds` have passed. */
  isBeingSent: z.boolean(),
  /** Seconds from the last write of the document, by the store's clock, until the callback may be sent. */
  dueSeconds: z.number(),
  /** Number of resends that an operator or a repeated call asked for. */
  resends: z.int().nonnegative(),
  /** The last sends, newest last. */
  sends: z.array(SendSchema),
  /** When the receiver had accepted all pages, since the last resend. */
  deliveredAt: z.number().nullable(),
  nonce: z.string(),
});
export type Callback = z.infer<typeof CallbackSchema>;

/** The id of a task's final event: a task ends once, so it has one. */
export function finalEventId(task: { readonly batchId: string; readonly taskId: string }): string {
  return `evt_${hashJson([task.batchId, task.taskId]).slice(0, 32)}`;
}

/** The delivery state of a callback before its first send. */
const unsent = {
  state: "PENDING",
  pagesTaken: 0,
  failures: 0,
  isBeingSent: false,
  dueSeconds: 0,
  deliveredAt: null,
} as const;

export function newCallback(
  event: Pick<Callback, "type" | "key" | "batchId" | "taskId" | "target" | "data">,
  stamp: { readonly nonce: string; readonly now: number },
): Callback {
  const eventId = finalEventId(event);
  return {
    callbackId: eventId,
    eventId,
    ...event,
    ...unsent,
    occurredAt: stamp.now,
    archived: false,
    resends: 0,
    sends: [],
    nonce: stamp.nonce,
  };
}

/**
 * The callback reset for a full, immediate resend. A pending one continues from its current page instead. Undefined
 * while a sender holds the lease: if every call interrupted the sender, frequent calls would prevent the delivery.
 */
export function resetForResend(callback: Callback, nonce: string): Callback | undefined {
  const isPending = callback.state === "PENDING" && callback.deliveredAt === null;
  if (isPending) return callback.isBeingSent ? undefined : { ...callback, dueSeconds: 0, nonce };
  return { ...callback, ...unsent, resends: callback.resends + 1, nonce };
}

/** Copies the event to another URL, with its own delivery state. The copy is not archived a second time. */
export function redirectCallback(
  callback: Callback,
  { url, secrets }: CallbackAddress,
  nonce: string,
): Callback {
  return {
    ...callback,
    ...unsent,
    callbackId: `${callback.eventId}_${hashJson(url).slice(0, 16)}`,
    target: { url, ...(secrets && { secrets }), archive: null },
    resends: 0,
    sends: [],
    nonce,
  };
}

/** Gives the sender a lease on the callback. */
export function markSending(callback: Callback, nonce: string): Callback {
  return { ...callback, isBeingSent: true, dueSeconds: limits.callbackLeaseSeconds, nonce };
}

/** The outcome of sending one page. `error` is null when the receiver accepted it. */
export interface SendAttempt {
  readonly at: number;
  readonly error: string | null;
  /** The wait that the receiver asks for. */
  readonly retryAfterSeconds?: number | undefined;
}

export function markPageSent(
  callback: Callback,
  totalPages: number,
  { at }: SendAttempt,
  nonce: string,
): Callback {
  const page = callback.pagesTaken + 1;
  const isDelivered = page >= totalPages;
  const isDone = isDelivered && !needsArchiving(callback);
  return {
    ...callback,
    state: isDone ? "DELIVERED" : "PENDING",
    pagesTaken: page,
    failures: 0,
    isBeingSent: !isDone,
    dueSeconds: isDone ? 0 : limits.callbackLeaseSeconds,
    sends: lastSends(callback, { at, page, error: null }),
    deliveredAt: isDelivered ? at : callback.deliveredAt,
    nonce,
  };
}

export function needsArchiving({ type, target, archived }: Callback): boolean {
  return type === "task.completed" && target.archive !== null && !archived;
}

export function markArchived(callback: Callback, nonce: string): Callback {
  const isDelivered = callback.deliveredAt !== null;
  const done = isDelivered
    ? ({ state: "DELIVERED", failures: 0, isBeingSent: false, dueSeconds: 0 } as const)
    : {};
  return { ...callback, ...done, archived: true, nonce };
}

/**
 * Backs off: 5 s after the first failure, then twice as long each time up to an hour, or as long as the receiver asks.
 * After 80 failures, three days of the usual waits, the callback is given up.
 */
export function markSendFailed(
  callback: Callback,
  { at, error, retryAfterSeconds }: SendAttempt,
  nonce: string,
): Callback {
  const failures = callback.failures + 1;
  return {
    ...callback,
    state: failures >= limits.callbackAttempts ? "GIVEN_UP" : "PENDING",
    failures,
    isBeingSent: false,
    dueSeconds: backoffMs(limits.callbackRetry, failures, 0, retryAfterSeconds) / 1_000,
    sends: lastSends(callback, { at, page: callback.pagesTaken + 1, error }),
    nonce,
  };
}

function lastSends(callback: Callback, send: z.infer<typeof SendSchema>): Callback["sends"] {
  return [...callback.sends, send].slice(-limits.shownSends);
}

/** Columns of a table of archived callbacks, in this order, after the columns of the key. */
export const archiveColumns = [
  "status",
  "callback_payload",
  "created_at",
  "updated_at",
  "event_id",
  "url",
] as const;

export type ArchiveColumn = (typeof archiveColumns)[number];

/** Case makes no difference: column names of a warehouse are case-insensitive. */
export function isArchiveColumn(name: string): boolean {
  return archiveColumns.some((column) => column === name.toLowerCase());
}

/** What is wrong with the key of an archive, whose fields become columns. Undefined if nothing is. */
export function archiveKeyProblem(key: readonly string[]): string | undefined {
  if (key.length === 0) return "A callback is archived by a key of one field or more";
  const lowercase = key.map((name) => name.toLowerCase());
  const wrong = key.filter(
    (name, index) => name === "" || isArchiveColumn(name) || lowercase.indexOf(name.toLowerCase()) < index,
  );
  return wrong.length > 0 ? `Fields of a callback's key can't be columns: ${wrong.join(", ")}` : undefined;
}
