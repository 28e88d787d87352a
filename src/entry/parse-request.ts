import * as z from "zod";
import { type Message, MessageSchema, type ObjectMessage, sealAttribute } from "../core/messages.ts";
import { viaQueueAttribute } from "../core/queues.ts";
import { isJsonObject, type JsonValue } from "../core/values/json.ts";
import {
  bodyError,
  decodeBase64,
  type EntryRequest,
  type Ignored,
  type ParsedRequest,
  parseAs,
  parseJson,
  parseMessage,
  type RequestHeaders,
  rejectAllSeals,
  type SealCheck,
} from "./parse-message.ts";

/**
 * Parses the message of a posted request, for every transport. Throws errors that make the request a dead letter:
 * `BODY_NOT_JSON`, `NUMBER_NOT_EXACT`, `KEY_REPEATED`, `BODY_NOT_BASE64`, `BODY_NOT_AN_EVENT`, `EVENT_TYPE_UNKNOWN`,
 * `INPUT_TOO_LARGE`.
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

/** The attributes of a Cloud Storage notification, and Baton's own. All others are ignored. */
const AttributesSchema = z.object({
  [sealAttribute]: z.string().optional().catch(undefined),
  [viaQueueAttribute]: z.string().optional().catch(undefined),
  eventType: z.string().optional(),
  bucketId: z.string().optional(),
  objectId: z.string().optional(),
  objectGeneration: z.string().optional(),
});
type Attributes = z.infer<typeof AttributesSchema>;

const PushSchema = z.object({
  message: z.object({
    /** Absent when a message has attributes only. */
    data: z.string().default(""),
    attributes: AttributesSchema.nullish(),
    messageId: z.string().optional(),
    publishTime: z.string().nullish().catch(undefined),
  }),
  /** Absent for a subscription without a dead-letter policy. */
  deliveryAttempt: z.int().positive().optional(),
});

/**
 * A push with its envelope. The data of a `messagePublished` event has the same form. `attempt` is used if the envelope
 * has no delivery attempt.
 */
function parseWrappedPush(json: JsonValue, where: string, isSealed: SealCheck, attempt = 1): ParsedRequest {
  const push = parseAs(PushSchema, json, "a Pub/Sub push", where);
  const { attributes, data, messageId, publishTime } = push.message;
  const seal = attributes?.[sealAttribute];
  return parsePush({
    isSealed: (bytes) => isSealed(bytes, seal),
    messageId,
    attributes: attributes ?? {},
    attributesAt: `${where}.message.attributes`,
    dataAt: `${where}.message.data`,
    data: () => decodeBase64(data, `${where}.message.data`),
    deliveryAttempt: push.deliveryAttempt ?? attempt,
    publishedAt: parseTime(publishTime),
    queue: attributes?.[viaQueueAttribute],
  });
}

/** An unwrapped push: the body is the data, the attributes are headers. It has no delivery attempt. */
function parseUnwrappedPush(headers: RequestHeaders, body: Uint8Array, isSealed: SealCheck): ParsedRequest {
  return parsePush({
    isSealed: (bytes) => isSealed(bytes, headers[sealAttribute]),
    messageId: headers["x-goog-pubsub-message-id"],
    attributes: {
      eventType: headers.eventtype,
      bucketId: headers.bucketid,
      objectId: decodeHeader(headers.objectid),
      objectGeneration: headers.objectgeneration,
    },
    attributesAt: "headers",
    dataAt: "body",
    data: () => body,
    deliveryAttempt: 1,
    publishedAt: parseTime(headers["x-goog-pubsub-publish-time"]),
    queue: undefined,
  });
}

interface PushContent {
  readonly messageId: string | undefined;
  readonly attributes: Attributes;
  readonly attributesAt: string;
  /** Not read for a Cloud Storage notification, which may have none. */
  readonly data: () => Uint8Array;
  readonly dataAt: string;
  readonly deliveryAttempt: number;
  readonly publishedAt: number | undefined;
  readonly queue: string | undefined;
  readonly isSealed: (data: Uint8Array) => boolean;
}

function parsePush(push: PushContent): ParsedRequest {
  const notified = parseNotification(push.attributes, push.attributesAt);
  if (notified && "ignored" in notified) return notified;
  const message = notified ?? parseData(push.data(), push);
  const { deliveryAttempt, publishedAt, queue } = push;
  return { message: withKey(message, push.messageId), deliveryAttempt, publishedAt, queue };
}

/** A sealed message is Baton's own and may have the fields of the engine. */
function parseData(data: Uint8Array, { dataAt, isSealed }: PushContent): Message {
  const json = parseJson(data, dataAt);
  return isSealed(data) ? parseAs(MessageSchema, json, "a message", dataAt) : parseMessage(json, dataAt);
}

/** A start without a key gets the message id as its key: a redelivery must not start a second batch. */
function withKey(message: Message, messageId: string | undefined): Message {
  if (message.kind !== "start" || message.key !== undefined || messageId === undefined) return message;
  return { ...message, key: `pubsub ${messageId}` };
}

/** Only traces use it, so an invalid time is left out. */
function parseTime(text: string | null | undefined): number | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : time;
}

/** Node reads header bytes as Latin-1; object names beyond ASCII are UTF-8. */
function decodeHeader(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const decoded = Buffer.from(value, "latin1").toString("utf8");
  return decoded.includes("\ufffd") ? value : decoded;
}

const FinalizedSchema = z.object({
  bucketId: z.string().min(1),
  objectId: z.string().min(1),
  objectGeneration: z.string().min(1),
});

/** Undefined if the attributes are not those of a bucket's notification. Throws `BODY_NOT_AN_EVENT`. */
function parseNotification(attributes: Attributes, where: string): ObjectMessage | Ignored | undefined {
  if (!attributes.eventType?.startsWith("OBJECT_")) return undefined;
  // A bucket may be configured to notify of other events too: that is no error of the message.
  if (attributes.eventType !== "OBJECT_FINALIZE")
    return { ignored: `Cloud Storage event ${attributes.eventType.slice(0, 100)}` };
  const finalized = parseAs(FinalizedSchema, attributes, "a Cloud Storage notification", where);
  return {
    kind: "object",
    bucket: finalized.bucketId,
    object: finalized.objectId,
    generation: finalized.objectGeneration,
  };
}
