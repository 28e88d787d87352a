import * as z from "zod";
import type { ErrorCode } from "../core/errors/error-catalog.ts";
import { BatonError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import {
  CallbackMessageSchema,
  EventMessageSchema,
  engineFieldNames,
  lacksPreviousTask,
  type Message,
  ObjectMessageSchema,
  PublicTaskMessageSchema,
  RedriveMessageSchema,
  StartMessageSchema,
  SweepMessageSchema,
  TickMessageSchema,
} from "../core/messages.ts";
import { isJsonObject, type JsonObject, type JsonValue, pathStep } from "../core/values/json.ts";

/** The error for a body that can't be a message. Both texts may quote the body: they are cut to a bearable length. */
export function refusal(code: ErrorCode, message: string, where: string): BatonError {
  return new BatonError(code, cut(message), { where: cut(where) });
}

/** The value as the schema has it. Throws `BODY_NOT_AN_EVENT`, naming what was expected and the first field that is off. */
export function parseAs<T>(schema: z.ZodType<T>, value: unknown, expected: string, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = bestUnionBranch(parsed.error.issues) ?? { path: [], message: "wrong form" };
  const problem = path.length > 0 && isMissing(value, path) ? "it is missing" : message;
  throw refusal("BODY_NOT_AN_EVENT", `This is not ${expected}: ${problem}`, pathOf(where, path));
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** Of a union no alternative fits: the one that complains least is the one that was meant. */
function bestUnionBranch(issues: readonly z.core.$ZodIssue[]): Issue | undefined {
  const [first] = issues;
  if (first?.code !== "invalid_union") return first;
  const nearest = first.errors.toSorted((one, other) => one.length - other.length)[0];
  const inner = nearest && bestUnionBranch(nearest);
  return inner ? { path: [...first.path, ...inner.path], message: inner.message } : first;
}

function isMissing(value: unknown, path: readonly PropertyKey[]): boolean {
  const found = path.reduce<unknown>(
    (holder, key) =>
      typeof holder === "object" && holder !== null
        ? Object.getOwnPropertyDescriptor(holder, key)?.value
        : holder,
    value,
  );
  return found === undefined;
}

function pathOf(where: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => text + pathStep(key), where);
}

function cut(text: string): string {
  const longest = limits.errorMessageCharacters / 2;
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}

const KindSchema = z.object({
  kind: z.enum(["task", "start", "object", "sweep", "tick", "redrive", "event", "callback"]),
});
type Kind = z.infer<typeof KindSchema>["kind"];

/**
 * A message as anyone may send it, in a Pub/Sub message or posted directly: `{ batchId, taskId, … }`,
 * `{ workflowId, … }`, or any message with its `kind`. Throws `BODY_NOT_AN_EVENT` or `INPUT_TOO_LARGE`.
 */
export function parseMessage(json: JsonValue, where = "body"): Message {
  if (!isJsonObject(json))
    throw refusal("BODY_NOT_AN_EVENT", `Expected an object, not ${nameOf(json)}`, where);
  return parsers[kindOf(json, where)](json, where);
}

function kindOf(json: JsonObject, where: string): Kind {
  if (Object.hasOwn(json, "kind")) return parseAs(KindSchema, json, "a message", where).kind;
  if (Object.hasOwn(json, "event")) return "event";
  if (Object.hasOwn(json, "batchId") || Object.hasOwn(json, "taskId")) return "task";
  if (Object.hasOwn(json, "workflowId")) return "start";
  throw refusal(
    "BODY_NOT_AN_EVENT",
    "Expected batchId and taskId, or workflowId, or message, or kind",
    where,
  );
}

const parsers: Readonly<Record<Kind, (json: JsonObject, where: string) => Message>> = {
  task: (json, where) => {
    // Baton's own messages come in here too, when their seal is of a secret that is no longer known: dropped, not refused.
    const said = Object.entries(json).filter(([name]) => name !== "kind" && !engineFieldNames.has(name));
    const parsed = parseAs(PublicTaskMessageSchema, Object.fromEntries(said), "a task message", where);
    if (lacksPreviousTask(parsed))
      throw refusal("BODY_NOT_AN_EVENT", "A completion names its task in previousTaskId", where);
    return { kind: "task", ...parsed };
  },
  start: (json, where) => {
    checkInputSize(json.input, where);
    return parseAs(StartMessageSchema, { ...json, kind: "start" }, "a start message", where);
  },
  object: (json, where) => parseAs(ObjectMessageSchema, json, "an object message", where),
  sweep: (json, where) => parseAs(SweepMessageSchema, json, "a sweep message", where),
  tick: (json, where) => parseAs(TickMessageSchema, json, "a tick message", where),
  event: (json, where) => parseAs(EventMessageSchema, { ...json, kind: "event" }, "an event message", where),
  callback: (json, where) => parseAs(CallbackMessageSchema, json, "a callback message", where),
  redrive: (json, where) => parseAs(RedriveMessageSchema, json, "a redrive message", where),
};

/** Before the schema sees it: that takes ten times as long, and copies it. */
function checkInputSize(input: JsonValue | undefined, where: string): void {
  if (input === undefined) return;
  const bytes = Buffer.byteLength(JSON.stringify(input));
  if (bytes > limits.inputBytes)
    throw refusal(
      "INPUT_TOO_LARGE",
      `The input has ${bytes} bytes; ${limits.inputBytes} are allowed`,
      `${where}.input`,
    );
}

function nameOf(json: JsonValue): string {
  if (json === null) return "null";
  return Array.isArray(json) ? "an array" : `a ${typeof json}`;
}
