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
import { describeSyntaxError, findLimitViolation } from "../core/values/json-syntax.ts";
import { parseExactJson } from "../core/values/json-text.ts";
import type { Delivery } from "../ports/broker.ts";

/** An HTTP request, independent of the server that received it. */
export interface EntryRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: RequestHeaders;
  /** The raw bytes. */
  readonly body: Uint8Array;
}

export type RequestHeaders = { readonly [name: string]: string | undefined };

/** A valid delivery that concerns no workflow. It is acknowledged and nothing else happens. */
export interface Ignored {
  readonly ignored: string;
}

export type ParsedRequest = Delivery | Ignored;

/** Whether the data of a message has Baton's own seal. */
export type SealCheck = (data: Uint8Array, seal: string | undefined) => boolean;

/** Without a seal, a sender may set only the public fields of a message. */
export const rejectAllSeals: SealCheck = () => false;

const KindSchema = z.object({
  kind: z.enum(["task", "start", "object", "sweep", "tick", "redrive", "event", "callback"]),
});
type Kind = z.infer<typeof KindSchema>["kind"];

/**
 * Parses a message with public fields only, from Pub/Sub or posted directly: `{ batchId, taskId, … }`,
 * `{ workflowId, … }`, or any message with its `kind`. Throws `BODY_NOT_AN_EVENT` or `INPUT_TOO_LARGE`.
 */
export function parseMessage(json: JsonValue, where = "body"): Message {
  if (!isJsonObject(json))
    throw bodyError("BODY_NOT_AN_EVENT", `Expected an object, not ${jsonTypeName(json)}`, where);
  return parsers[kindOf(json, where)](json, where);
}

function kindOf(json: JsonObject, where: string): Kind {
  if (Object.hasOwn(json, "kind")) return parseAs(KindSchema, json, "a message", where).kind;
  if (Object.hasOwn(json, "event")) return "event";
  if (Object.hasOwn(json, "batchId") || Object.hasOwn(json, "taskId")) return "task";
  if (Object.hasOwn(json, "workflowId")) return "start";
  throw bodyError(
    "BODY_NOT_AN_EVENT",
    "Expected batchId and taskId, or workflowId, or message, or kind",
    where,
  );
}

const parsers: Readonly<Record<Kind, (json: JsonObject, where: string) => Message>> = {
  task: (json, where) => {
    // Baton's own messages also arrive here, when their seal was made with a secret that is gone. The fields of the
    // engine are removed, because a rejected message would be lost.
    const publicFields = Object.entries(json).filter(
      ([name]) => name !== "kind" && !engineFieldNames.has(name),
    );
    const parsed = parseAs(
      PublicTaskMessageSchema,
      Object.fromEntries(publicFields),
      "a task message",
      where,
    );
    if (lacksPreviousTask(parsed))
      throw bodyError("BODY_NOT_AN_EVENT", "A completion names its task in previousTaskId", where);
    return { kind: "task", ...parsed };
  },
  start: (json, where) => {
    assertInputSize(json.input, where);
    return parseAs(StartMessageSchema, { ...json, kind: "start" }, "a start message", where);
  },
  object: (json, where) => parseAs(ObjectMessageSchema, json, "an object message", where),
  sweep: (json, where) => parseAs(SweepMessageSchema, json, "a sweep message", where),
  tick: (json, where) => parseAs(TickMessageSchema, json, "a tick message", where),
  event: (json, where) => parseAs(EventMessageSchema, { ...json, kind: "event" }, "an event message", where),
  callback: (json, where) => parseAs(CallbackMessageSchema, json, "a callback message", where),
  redrive: (json, where) => parseAs(RedriveMessageSchema, json, "a redrive message", where),
};

/** Runs before the schema, which takes ten times as long and copies the input. */
function assertInputSize(input: JsonValue | undefined, where: string): void {
  if (input === undefined) return;
  const bytes = Buffer.byteLength(JSON.stringify(input));
  if (bytes > limits.inputBytes)
    throw bodyError(
      "INPUT_TOO_LARGE",
      `The input has ${bytes} bytes; at most ${limits.inputBytes} are allowed`,
      `${where}.input`,
    );
}

function jsonTypeName(json: JsonValue): string {
  if (json === null) return "null";
  return Array.isArray(json) ? "an array" : `a ${typeof json}`;
}

/** Parses the value. Throws `BODY_NOT_AN_EVENT` with what was `expected` and the first wrong field. */
export function parseAs<T>(schema: z.ZodType<T>, value: unknown, expected: string, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const { path, message } = bestUnionBranch(parsed.error.issues) ?? {
    path: [],
    message: "it has the wrong form",
  };
  const problem = path.length > 0 && isMissing(value, path) ? "it is missing" : message;
  throw bodyError("BODY_NOT_AN_EVENT", `This is not ${expected}: ${problem}`, joinPath(where, path));
}

interface Issue {
  readonly path: readonly PropertyKey[];
  readonly message: string;
}

/** The issue to report for a union that matched no branch: that of the branch with the fewest issues. */
function bestUnionBranch(issues: readonly z.core.$ZodIssue[]): Issue | undefined {
  const [first] = issues;
  if (first?.code !== "invalid_union") return first;
  const nearest = first.errors.toSorted((one, other) => one.length - other.length)[0];
  const inner = nearest && bestUnionBranch(nearest);
  return inner ? { path: [...first.path, ...inner.path], message: inner.message } : first;
}

function isMissing(value: unknown, path: readonly PropertyKey[]): boolean {
  const leaf = path.reduce<unknown>(
    (holder, key) =>
      typeof holder === "object" && holder !== null
        ? Object.getOwnPropertyDescriptor(holder, key)?.value
        : holder,
    value,
  );
  return leaf === undefined;
}

function joinPath(where: string, path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => text + pathStep(key), where);
}

function cut(text: string): string {
  const longest = limits.errorMessageCharacters / 2;
  return text.length <= longest ? text : `${text.slice(0, longest)}…`;
}

/**
 * The JSON value in the bytes, with exact numbers. Throws `BODY_NOT_JSON` with the position, `NUMBER_NOT_EXACT`,
 * `KEY_REPEATED`, or `BODY_NOT_AN_EVENT` for JSON that is deeper or has more values than `limits` allows.
 */
export function parseJson(bytes: Uint8Array, where: string): JsonValue {
  const text = decodeUtf8(bytes, where);
  if (text.trim() === "") throw bodyError("BODY_NOT_JSON", "The body is empty", where);
  const violation = findLimitViolation(bytes);
  if (violation !== undefined) throw bodyError("BODY_NOT_AN_EVENT", violation, where);
  return parseJsonText(text, where);
}

/** The bytes of strict base64 (RFC 4648: standard alphabet, padded, nothing else). Throws `BODY_NOT_BASE64`. */
export function decodeBase64(text: string, where: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") === text) return bytes;
  const position = text.search(/[^A-Za-z0-9+/=]/);
  const problem =
    position < 0
      ? "It is truncated or wrongly padded"
      : `It has an invalid character at position ${position}`;
  throw bodyError("BODY_NOT_BASE64", problem, where);
}

function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw bodyError("BODY_NOT_JSON", "It is not UTF-8 text", where);
  }
}

function parseJsonText(text: string, where: string): JsonValue {
  try {
    return parseExactJson(text, where);
  } catch (error) {
    if (error instanceof BatonError) throw error;
    throw bodyError("BODY_NOT_JSON", describeSyntaxError(text), where);
  }
}

/** The error for a body that is no message. Both texts may quote the body, so they are truncated. */
export function bodyError(code: ErrorCode, message: string, where: string): BatonError {
  return new BatonError(code, cut(message), { where: cut(where) });
}
