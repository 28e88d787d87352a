import * as z from "zod";
import { BatonError, errorMessage } from "./errors/errors.ts";
import { limits } from "./limits.ts";
import { hasClock } from "./schedule/slots.ts";
import { hashJson, isJsonObject, type JsonValue } from "./values/json.ts";

/** What makes two calls of a task the same call. */
const KeySpecSchema = z.discriminatedUnion("by", [
  /** All its arguments. */
  z.strictObject({ by: z.literal("arguments") }),
  /** Some fields of its arguments; one whose name ends in `?` may be absent. */
  z.strictObject({ by: z.literal("fields"), fields: fieldNames() }),
  /** The day: the field `date` of its arguments, or else the day its first attempt began in the time zone. */
  z.strictObject({
    by: z.literal("date"),
    timeZone: z.string().refine(hasClock, "there is no such time zone"),
  }),
  /** A function of the workflow's code. */
  z.strictObject({ by: z.literal("function") }),
]);
export type KeySpec = z.infer<typeof KeySpecSchema>;

const OnLockedSchema = z.enum(["skip", "wait"]);

/** How a task is kept from doing the same work twice, beyond its batch. */
export const IdempotencySchema = z.strictObject({
  key: KeySpecSchema,
  /** Whether the key holds in all batches or within one. */
  scope: z.enum(["batch", "global"]),
  /** How long a success is believed and its result given out again, in seconds. */
  ttlSeconds: z.number().positive().max(limits.resultTtlSeconds),
  /** How long the lock is believed without a heartbeat, in seconds. */
  lockSeconds: z.number().min(limits.leastLockSeconds).max(limits.delaySeconds),
  /** What a call does that finds the lock held. */
  onLocked: OnLockedSchema,
  /** Only one at a time, but again after every success. */
  recurring: z.boolean(),
});
export type Idempotency = z.infer<typeof IdempotencySchema>;

/** Names of fields, each once; `?` after a name: it may be absent. */
export function fieldNames() {
  return z
    .array(z.string().regex(/^[^?]+\??$/, "a field name, perhaps with ? after it"))
    .min(1)
    .refine(
      (names) => new Set(names.map((name) => name.replace(/\?$/, ""))).size === names.length,
      "it names a field twice",
    );
}

/** One call of a task, as far as its key depends on it. */
export interface TaskCall {
  readonly workflowId: string;
  readonly taskId: string;
  readonly batchId: string;
  /** The input of the batch for a task that is a function, the filled parameters for a built-in. */
  readonly arguments: JsonValue;
  /** When its first attempt was claimed, by the store's clock, in milliseconds since 1970. */
  readonly claimedAt: number;
}

/**
 * The key that equal calls share: `workflow/task?name=value&…`, each part percent-encoded. `custom` is what the key
 * function returned. Throws `IDEMPOTENCY_KEY_INVALID`.
 */
export function executionKey(idempotency: Idempotency, call: TaskCall, custom?: string): string {
  const parts = keyParts(idempotency.key, call, custom);
  if (idempotency.scope === "batch") parts.push(["batch", call.batchId]);
  if (!parts.flat().every((text) => text.isWellFormed())) throw invalid("it holds half a character", call);
  const query = parts.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
  const key = `${call.workflowId}/${call.taskId}?${query.join("&")}`;
  if (key.length > limits.keyCharacters)
    throw invalid(`the key has ${key.length} characters; at most ${limits.keyCharacters} are allowed`, call);
  return key;
}

function keyParts(
  spec: KeySpec,
  call: TaskCall,
  custom: string | undefined,
): [name: string, value: string][] {
  switch (spec.by) {
    case "arguments":
      return [["arguments", hashArguments(call)]];
    case "fields":
      return fieldValues(spec.fields, call).flatMap(([name, value]) =>
        value === null ? [] : [[name, value] satisfies [string, string]],
      );
    case "date":
      return [["date", compactDay(call, spec.timeZone)]];
    case "function":
      if (custom === undefined || custom === "") throw invalid("the key function returned no text", call);
      return [["key", custom]];
  }
}

function hashArguments(call: TaskCall): string {
  try {
    return hashJson(call.arguments);
  } catch (error) {
    throw invalid(errorMessage(error), call);
  }
}

/** The named fields of the arguments as text; null for an absent one whose name ends in `?`. Throws `IDEMPOTENCY_KEY_INVALID`. */
export function fieldValues(
  names: readonly string[],
  call: Pick<TaskCall, "arguments" | "taskId">,
): [name: string, value: string | null][] {
  return names.map((written) => {
    const name = written.replace(/\?$/, "");
    const value = readField(call.arguments, name);
    if (value !== undefined && value !== null) return [name, fieldText(value, name, call)];
    if (written.endsWith("?")) return [name, null];
    throw invalid(`the arguments have no field "${name}"`, call);
  });
}

function fieldText(value: JsonValue, name: string, call: Pick<TaskCall, "taskId">): string {
  if (typeof value === "object") throw invalid(`the field "${name}" is neither text nor a number`, call);
  // JSON numbers of that size have been rounded on their way: two ids would become one.
  if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER)
    throw invalid(`the field "${name}" is too large for a number; send it as text`, call);
  return String(value);
}

function readField(value: JsonValue, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** `YYYYMMDD`. */
function compactDay(call: TaskCall, timeZone: string): string {
  const given = readField(call.arguments, "date");
  const isGiven = given !== undefined && given !== null;
  const day = isGiven ? parseDay(call.arguments) : dayIn(timeZone, call.claimedAt);
  if (day !== undefined) return day.replaceAll("-", "");
  throw invalid('the field "date" is not a day such as 2026-11-21', call);
}

/** The day that the field `date` of the arguments names, `YYYY-MM-DD`; undefined when it names none. */
export function parseDay(value: JsonValue): string | undefined {
  const given = readField(value, "date");
  const parts = typeof given === "string" ? /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(given) : null;
  const day = parts?.slice(1).join("-");
  return day !== undefined && isDay(day) ? day : undefined;
}

function isDay(written: string): boolean {
  const at = new Date(written);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(written);
}

/** The day that a moment falls on, `YYYY-MM-DD`. */
function dayIn(timeZone: string, milliseconds: number): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }).format(milliseconds);
}

function invalid(problem: string, { taskId }: Pick<TaskCall, "taskId">): BatonError {
  return new BatonError("IDEMPOTENCY_KEY_INVALID", `The idempotency key can't be made: ${problem}`, {
    where: `task ${taskId}`,
  });
}
