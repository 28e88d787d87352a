import * as z from "zod";
import { fieldNames } from "./idempotency.ts";
import { limits } from "./limits.ts";
import { StoredResultSchema } from "./records.ts";
import { backoffMs } from "./retry.ts";
import { hashJson } from "./values/json.ts";

/** What may be called back: what is sent is signed, and needs no password in an address that is stored and shown. */
export function isCallbackUrl(url: string): boolean {
  if (url.length > limits.urlCharacters || !URL.canParse(url)) return false;
  const { protocol, username, password } = new URL(url);
  return (protocol === "https:" || protocol === "http:") && username === "" && password === "";
}

export const callbackUrlRule = "a callback has an http or https URL without user and password";

/** Where a task reports to. */
export const CallbackPolicySchema = z.strictObject({
  /** May hold `{{ … }}` like the parameters of a task. */
  url: z
    .string()
    .min(1)
    .max(limits.urlCharacters)
    .refine((url) => url.includes("{{") || isCallbackUrl(url), callbackUrlRule),
  /** Where completed callbacks are archived, and by which fields of the arguments; `?` after a name: may be absent. */
  archive: z.strictObject({ table: z.string().min(1), key: fieldNames() }).optional(),
});
export type CallbackPolicy = z.infer<typeof CallbackPolicySchema>;

/** Where one call of a task reports to. */
const CallbackTargetSchema = z.strictObject({
  url: z.string(),
  /** The secrets that the workflow names in the address. Their names are in it, and they are put in when it is sent. */
  secrets: z.exactOptional(z.array(z.string())),
  archive: z.strictObject({ table: z.string(), key: z.record(z.string(), z.string().nullable()) }).nullable(),
});
export type CallbackTarget = z.infer<typeof CallbackTargetSchema>;
export type CallbackAddress = Pick<CallbackTarget, "url" | "secrets">;

const SendSchema = z.strictObject({
  at: z.number(),
  page: z.int(),
  /** Null when the receiver took it. */
  error: z.string().nullable(),
});

/** One event on its way to one address, in the outbox; first written with the outcome that it tells of. */
export const CallbackSchema = z.strictObject({
  /** That of the event, where it goes to the address it was made for. */
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
  /** Pages that the receiver has taken since the last resend. */
  pagesTaken: z.int().nonnegative(),
  /** Sends that failed one after another. */
  failures: z.int().nonnegative(),
  /** Somebody is at it; he is believed to be for as long as it is not due. */
  isBeingSent: z.boolean(),
  /** Not to be sent before so many seconds after the document was last written, by the store's clock. */
  dueSeconds: z.number(),
  /** How often it was asked for again. */
  resends: z.int().nonnegative(),
  /** The last sends, newest last. */
  sends: z.array(SendSchema),
  /** When its receiver had taken all of it, since it was last asked for. */
  deliveredAt: z.number().nullable(),
  nonce: z.string(),
});
export type Callback = z.infer<typeof CallbackSchema>;

/** The id of the final event of a task: a TaskLog ends once, and so has one. */
export function finalEventId(task: { readonly batchId: string; readonly taskId: string }): string {
  return `evt_${hashJson([task.batchId, task.taskId]).slice(0, 32)}`;
}

/** Nobody has been sent any of it. */
const unsent = {
  state: "PENDING",
  pagesTaken: 0,
  failures: 0,
  isBeingSent: false,
  dueSeconds: 0,
  deliveredAt: null,
} as const;

export function newCallback(
  about: Pick<Callback, "type" | "key" | "batchId" | "taskId" | "target" | "data">,
  stamp: { readonly nonce: string; readonly now: number },
): Callback {
  const eventId = finalEventId(about);
  return {
    callbackId: eventId,
    eventId,
    ...about,
    ...unsent,
    occurredAt: stamp.now,
    archived: false,
    resends: 0,
    sends: [],
    nonce: stamp.nonce,
  };
}

/**
 * Asked for again: all of it, at once. One that is still on its way goes on where it is, at once; undefined when somebody
 * is at it, who must not be disturbed, or calls that come often would keep it from ever being taken.
 */
export function resetForResend(callback: Callback, nonce: string): Callback | undefined {
  const isUnderWay = callback.state === "PENDING" && callback.deliveredAt === null;
  if (isUnderWay) return callback.isBeingSent ? undefined : { ...callback, dueSeconds: 0, nonce };
  return { ...callback, ...unsent, resends: callback.resends + 1, nonce };
}

/** The same event for another address, which is told all of it and takes its own time. The archive has it already, or will. */
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

/** In the hands of one sender, so that another waits unless it dies. */
export function markSending(callback: Callback, nonce: string): Callback {
  return { ...callback, isBeingSent: true, dueSeconds: limits.callbackLeaseSeconds, nonce };
}

/** How one page went. `error` is null when the receiver took it. */
export interface SendAttempt {
  readonly at: number;
  readonly error: string | null;
  /** The receiver asks not to be sent anything sooner. */
  readonly retryAfterSeconds?: number | undefined;
}

export function markPageSent(
  callback: Callback,
  totalPages: number,
  { at }: SendAttempt,
  nonce: string,
): Callback {
  const page = callback.pagesTaken + 1;
  const isTaken = page >= totalPages;
  const isDone = isTaken && !needsArchiving(callback);
  return {
    ...callback,
    state: isDone ? "DELIVERED" : "PENDING",
    pagesTaken: page,
    failures: 0,
    isBeingSent: !isDone,
    dueSeconds: isDone ? 0 : limits.callbackLeaseSeconds,
    sends: lastSends(callback, { at, page, error: null }),
    deliveredAt: isTaken ? at : callback.deliveredAt,
    nonce,
  };
}

export function needsArchiving({ type, target, archived }: Callback): boolean {
  return type === "task.completed" && target.archive !== null && !archived;
}

export function markArchived(callback: Callback, nonce: string): Callback {
  const isTaken = callback.deliveredAt !== null;
  const done = isTaken
    ? ({ state: "DELIVERED", failures: 0, isBeingSent: false, dueSeconds: 0 } as const)
    : {};
  return { ...callback, ...done, archived: true, nonce };
}

/**
 * Waits 5 s after the first failure, twice as long after each further one, at most an hour, or as long as the
 * receiver asks; gives up after 80 failures, which is three days of the usual waits.
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

/** Columns of a table of archived callbacks, behind those of the key and in their order. */
export const archiveColumns = [
  "status",
  "callback_payload",
  "created_at",
  "updated_at",
  "event_id",
  "url",
] as const;

export type ArchiveColumn = (typeof archiveColumns)[number];

/** Letter case does not tell columns apart in a warehouse. */
export function isArchiveColumn(name: string): boolean {
  return archiveColumns.some((column) => column === name.toLowerCase());
}

/** Why callbacks can't be archived by this key, whose fields become columns; undefined when they can. */
export function archiveKeyProblem(key: readonly string[]): string | undefined {
  if (key.length === 0) return "A callback is archived by a key of one field or more";
  const lowercase = key.map((name) => name.toLowerCase());
  const wrong = key.filter(
    (name, index) => name === "" || isArchiveColumn(name) || lowercase.indexOf(name.toLowerCase()) < index,
  );
  return wrong.length > 0 ? `Fields of a callback's key can't be columns: ${wrong.join(", ")}` : undefined;
}

/** How the columns of a table differ from those that it should have, in any order and case; undefined when they agree. */
export function columnsProblem(existing: readonly string[], expected: readonly string[]): string | undefined {
  const added = namesMissingFrom(expected, existing);
  const missing = namesMissingFrom(existing, expected);
  const problems = [
    ...(added.length > 0 ? [`not in the table: ${added.join(", ")}`] : []),
    ...(missing.length > 0 ? [`only in the table: ${missing.join(", ")}`] : []),
  ];
  return problems.length > 0 ? problems.join("; ") : undefined;
}

export function namesMissingFrom(names: readonly string[], others: readonly string[]): readonly string[] {
  return names.filter((name) => !others.some((other) => other.toLowerCase() === name.toLowerCase()));
}
