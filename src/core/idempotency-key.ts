import * as z from "zod";
import { BatonError, errorMessage } from "./errors/errors.ts";
import { limits } from "./limits.ts";
import { hasClock } from "./schedule/slots.ts";
import { hashJson, isJsonObject, type JsonValue } from "./values/json.ts";

/** What the idempotency key of a task is made from. */
const KeySpecSchema = z.discriminatedUnion("by", [
  z.strictObject({ by: z.literal("arguments") }),
  /** Some fields of its arguments. A field whose name ends in `?` may be absent. */
  z.strictObject({ by: z.literal("fields"), fields: fieldNames() }),
  /**
   * The day: the field `date` of its arguments, or else the day in the time zone on which its first attempt started.
   */
  z.strictObject({
    by: z.literal("date"),
    timeZone: z.string().refine(hasClock, "there is no such time zone"),
  }),
  /** A function of the workflow's code. */
  z.strictObject({ by: z.literal("function") }),
]);
export type KeySpec = z.infer<typeof KeySpecSchema>;

const OnLockedSchema = z.enum(["skip", "wait"]);

/** How Baton prevents that a task does the same work twice, also in different batches. */
export const IdempotencySchema = z.strictObject({
  key: KeySpecSchema,
  /** Whether the key is shared by all batches or belongs to one. */
  scope: z.enum(["batch", "global"]),
  /** How long a success counts and its cached result is returned, in seconds. */
  ttlSeconds: z.number().positive().max(limits.resultTtlSeconds),
  /** Lease of the lock: how long it lasts without a heartbeat, in seconds. */
  lockSeconds: z.number().min(limits.minLockSeconds).max(limits.delaySeconds),
  /** What a call does while another call holds the lock. */
  onLocked: OnLockedSchema,
  /** Only the lock counts: calls run one at a time, and a success does not prevent the next one. */
  recurring: z.boolean(),
});
export type Idempotency = z.infer<typeof IdempotencySchema>;

/** Schema of a list of distinct field names. A field whose name ends in `?` may be absent. */
export function fieldNames() {
  return z
    .array(z.string().regex(/^[^?]+\??$/, "a field name, perhaps with ? after it"))
    .min(1)
    .refine(
      (names) => new Set(names.map((name) => name.replace(/\?$/, ""))).size === names.length,
      "it names a field twice",
    );
}

/** The parts of a task's call that its key depends on. */
export interface TaskCall {
  readonly workflowId: string;
  readonly taskId: string;
  readonly batchId: string;
  /** The input of the batch for a function, the filled parameters for a built-in task type. */
  readonly arguments: JsonValue;
  /** When its first attempt was claimed, by the store's clock, in milliseconds since 1970. */
  readonly claimedAt: number;
}

/**
 * The idempotency key: `workflow/task?name=value&…`, each part percent-encoded. `custom` is the value that the key
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

/** The named fields of the arguments as text, null for absent optional ones. Throws `IDEMPOTENCY_KEY_INVALID`. */
export function fieldValues(
  names: readonly string[],
  call: Pick<TaskCall, "arguments" | "taskId">,
): [name: string, value: string | null][] {
  return names.map((fieldName) => {
    const name = fieldName.replace(/\?$/, "");
    const value = readField(call.arguments, name);
    if (value !== undefined && value !== null) return [name, fieldText(value, name, call)];
    if (fieldName.endsWith("?")) return [name, null];
    throw invalid(`the arguments have no field "${name}"`, call);
  });
}

function fieldText(value: JsonValue, name: string, call: Pick<TaskCall, "taskId">): string {
  if (typeof value === "object") throw invalid(`the field "${name}" is neither text nor a number`, call);
  // Larger numbers were rounded when the JSON was parsed, so two ids could give one key.
  if (typeof value === "number" && Math.abs(value) > Number.MAX_SAFE_INTEGER)
    throw invalid(`the field "${name}" is too large for a number; send it as text`, call);
  return String(value);
}

function readField(value: JsonValue, name: string): JsonValue | undefined {
  return isJsonObject(value) && Object.hasOwn(value, name) ? value[name] : undefined;
}

/** The day of a call as `YYYYMMDD`. */
function compactDay(call: TaskCall, timeZone: string): string {
  const given = readField(call.arguments, "date");
  const isGiven = given !== undefined && given !== null;
  const day = isGiven ? parseDay(call.arguments) : dayIn(timeZone, call.claimedAt);
  if (day !== undefined) return day.replaceAll("-", "");
  throw invalid('the field "date" is not a day such as 2026-11-21', call);
}

/** The day in the field `date` of the arguments, `YYYY-MM-DD`. Undefined if it holds no day. */
export function parseDay(value: JsonValue): string | undefined {
  const given = readField(value, "date");
  const parts = typeof given === "string" ? /^(\d{4})-?(\d{2})-?(\d{2})$/.exec(given) : null;
  const day = parts?.slice(1).join("-");
  return day !== undefined && isDay(day) ? day : undefined;
}

function isDay(day: string): boolean {
  const at = new Date(day);
  return !Number.isNaN(at.getTime()) && at.toISOString().startsWith(day);
}

function dayIn(timeZone: string, milliseconds: number): string {
  return new Intl.DateTimeFormat("en-CA", { timeZone, dateStyle: "short" }).format(milliseconds);
}

function invalid(problem: string, { taskId }: Pick<TaskCall, "taskId">): BatonError {
  return new BatonError("IDEMPOTENCY_KEY_INVALID", `The idempotency key can't be made: ${problem}`, {
    where: `task ${taskId}`,
  });
}
