import * as z from "zod";
import { isJsonObject, type JsonValue } from "../core/values/json.ts";
import {
  bodyError,
  decodeBase64,
  type EntryRequest,
  type ParsedRequest,
  parseAs,
  parseJson,
  parseMessage,
  type RequestHeaders,
  rejectAllSeals,
  type SealCheck,
} from "./parse-message.ts";
import { parseUnwrappedPush, parseWrappedPush } from "./pubsub-push.ts";

/**
 * Parses the message of a posted request, for every transport. Throws errors that make the request a dead letter:
 * `BODY_NOT_JSON`, `NUMBER_NOT_EXACT`, `BODY_NOT_BASE64`, `BODY_NOT_AN_EVENT`, `EVENT_TYPE_UNKNOWN`, `INPUT_TOO_LARGE`.
 */
export function parseRequest(
  { headers, body }: Pick<EntryRequest, "headers" | "body">,
  isSealed: SealCheck = rejectAllSeals,
): ParsedRequest {
  const eventType = headers["ce-type"];
  if (eventType !== undefined) return parseBinaryCloudEvent(eventType, body, isSealed);
  if (isUnwrappedPush(headers)) return parseUnwrappedPush(headers, body, isSealed);
  const json = parseJson(body, "body");
  if (isStructuredCloudEvent(headers, json)) return parseStructuredCloudEvent(json, isSealed);
  if (isJsonObject(json) && Object.hasOwn(json, "message"))
    return parseWrappedPush(json, "body", isSealed, dispatchAttempt(headers));
  return { message: parseMessage(json), deliveryAttempt: 1 };
}

/**
 * Whether the sender repeats a request until it is acknowledged (Pub/Sub, Eventarc, Cloud Tasks). Other clients post
 * JSON and read the response.
 */
export function isRedelivered({ headers, body }: Pick<EntryRequest, "headers" | "body">): boolean {
  if (headers["ce-type"] !== undefined || isUnwrappedPush(headers)) return true;
  if (headers["x-cloudtasks-queuename"] !== undefined || isSentByPubSub(headers)) return true;
  const json = tryParseJson(body);
  if (isStructuredCloudEvent(headers, json)) return true;
  return isJsonObject(json) && json.message !== undefined && isJsonObject(json.message);
}

function tryParseJson(body: Uint8Array): JsonValue {
  try {
    return parseJson(body, "body");
  } catch {
    return null;
  }
}

/** Whether the request is an unwrapped push that writes its metadata into headers. */
function isUnwrappedPush(headers: RequestHeaders): boolean {
  return (
    headers["x-goog-pubsub-message-id"] !== undefined ||
    headers["x-goog-pubsub-subscription-name"] !== undefined
  );
}

/** Only the user agent identifies an unwrapped push without metadata. */
function isSentByPubSub(headers: RequestHeaders): boolean {
  return /^(APIs-Google|CloudPubSub-Google)\b/i.test(headers["user-agent"] ?? "");
}

/**
 * The number of a dispatch by Cloud Tasks, counted from 1, or 1 for any other sender. Dispatches that never arrived
 * count too: https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler
 */
function dispatchAttempt(headers: RequestHeaders): number {
  const retries = headers["x-cloudtasks-taskretrycount"] ?? "";
  return /^\d{1,9}$/.test(retries) ? Number(retries) + 1 : 1;
}

type DataParser = (data: JsonValue, where: string, isSealed: SealCheck) => ParsedRequest;

const eventTypes: ReadonlyMap<string, DataParser> = new Map([
  ["google.cloud.pubsub.topic.v1.messagePublished", parseWrappedPush],
  ["google.cloud.storage.object.v1.finalized", parseFinalized],
]);

/** 64-bit integers are strings in Google's JSON, and numbers in that of other senders. */
const Integer64Schema = z.union([
  z.string().regex(/^\d{1,19}$/, "expected digits"),
  z.int().nonnegative().transform(String),
]);
const StorageObjectSchema = z.object({
  bucket: z.string().min(1),
  name: z.string().min(1),
  generation: Integer64Schema,
  size: Integer64Schema.transform(Number).pipe(z.int()).optional(),
});
const EnvelopeSchema = z.object({ type: z.string(), data_base64: z.string().optional() });

/** An event whose attributes are `ce-` headers and whose data is the body. */
function parseBinaryCloudEvent(type: string, body: Uint8Array, isSealed: SealCheck): ParsedRequest {
  const parse = dataParserFor(type, "headers.ce-type");
  return parse(parseJson(body, "body"), "body", isSealed);
}

/** Whether the body is an event with its envelope. Some senders do not set the content type. */
function isStructuredCloudEvent(headers: RequestHeaders, json: JsonValue): boolean {
  if (headers["content-type"]?.toLowerCase().startsWith("application/cloudevents+json")) return true;
  return isJsonObject(json) && Object.hasOwn(json, "specversion");
}

/** An event in one JSON document, with its data as JSON or as base64 of JSON. */
function parseStructuredCloudEvent(json: JsonValue, isSealed: SealCheck): ParsedRequest {
  const event = parseAs(EnvelopeSchema, json, "a CloudEvent", "body");
  const parse = dataParserFor(event.type, "body.type");
  if (event.data_base64 !== undefined) {
    const bytes = decodeBase64(event.data_base64, "body.data_base64");
    return parse(parseJson(bytes, "body.data_base64"), "body.data_base64", isSealed);
  }
  const data = isJsonObject(json) && Object.hasOwn(json, "data") ? json.data : undefined;
  return parse(data ?? null, "body.data", isSealed);
}

function dataParserFor(type: string, where: string): DataParser {
  const parser = eventTypes.get(type);
  if (parser) return parser;
  throw bodyError("EVENT_TYPE_UNKNOWN", `Events of type ${JSON.stringify(type)} are not handled`, where);
}

function parseFinalized(data: JsonValue, where: string): ParsedRequest {
  const object = parseAs(StorageObjectSchema, data, "a finalized Cloud Storage object", where);
  return {
    message: {
      kind: "object",
      bucket: object.bucket,
      object: object.name,
      generation: object.generation,
      ...(object.size === undefined ? {} : { size: object.size }),
    },
    deliveryAttempt: 1,
  };
}
