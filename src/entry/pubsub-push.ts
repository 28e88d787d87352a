import * as z from "zod";
import { type Message, MessageSchema, type ObjectMessage, sealAttribute } from "../core/messages.ts";
import { viaQueueAttribute } from "../core/queues.ts";
import type { JsonValue } from "../core/values/json.ts";
import { parseAs, parseMessage } from "./parse-message.ts";
import type { Ignored, ParsedRequest, RequestHeaders, SealCheck } from "./request.ts";
import { decodeBase64, parseJson } from "./request.ts";

/** The attributes by which a Cloud Storage notification is known, and Baton's own. All others are left alone. */
const AttributesSchema = z.object({
  [sealAttribute]: z.string().optional().catch(undefined),
  [viaQueueAttribute]: z.string().optional().catch(undefined),
  eventType: z.string().optional(),
  bucketId: z.string().optional(),
  objectId: z.string().optional(),
  objectGeneration: z.string().optional(),
});
type Attributes = z.infer<typeof AttributesSchema>;

/** What is needed of it. */
const PushSchema = z.object({
  message: z.object({
    /** Absent when a message has attributes only. */
    data: z.string().default(""),
    attributes: AttributesSchema.nullish(),
    messageId: z.string().optional(),
    publishTime: z.string().nullish().catch(undefined),
  }),
  /** Only subscriptions with a dead-letter policy count. */
  deliveryAttempt: z.int().positive().optional(),
});

/** A push with its envelope; the data of a `messagePublished` event has the same form. `attempt` counts where the envelope does not. */
export function parseWrappedPush(
  json: JsonValue,
  where: string,
  isSealed: SealCheck,
  attempt = 1,
): ParsedRequest {
  const push = parseAs(PushSchema, json, "a Pub/Sub push", where);
  const { attributes, data, messageId, publishTime } = push.message;
  const seal = attributes?.[sealAttribute];
  return parseParts({
    isSealed: (bytes) => isSealed(bytes, seal),
    messageId,
    attributes: attributes ?? {},
    attributesAt: `${where}.message.attributes`,
    dataAt: `${where}.message.data`,
    data: () => decodeBase64(data, `${where}.message.data`),
    deliveryAttempt: push.deliveryAttempt ?? attempt,
    publishedAt: timeOf(publishTime),
    queue: attributes?.[viaQueueAttribute],
  });
}

/** Whether the headers are those of a push without envelope that writes metadata. */
export function isUnwrappedPush(headers: RequestHeaders): boolean {
  return (
    headers["x-goog-pubsub-message-id"] !== undefined ||
    headers["x-goog-pubsub-subscription-name"] !== undefined
  );
}

/** Pushes without envelope and metadata are told by nothing else. */
export function isSentByPubSub(headers: RequestHeaders): boolean {
  return /^(APIs-Google|CloudPubSub-Google)\b/i.test(headers["user-agent"] ?? "");
}

/** A push without envelope: the body is the data, the attributes are headers. It tells no delivery attempt. */
export function parseUnwrappedPush(
  headers: RequestHeaders,
  body: Uint8Array,
  isSealed: SealCheck,
): ParsedRequest {
  return parseParts({
    isSealed: (bytes) => isSealed(bytes, headers[sealAttribute]),
    messageId: headers["x-goog-pubsub-message-id"],
    attributes: {
      eventType: headers.eventtype,
      bucketId: headers.bucketid,
      objectId: utf8OfHeader(headers.objectid),
      objectGeneration: headers.objectgeneration,
    },
    attributesAt: "headers",
    dataAt: "body",
    data: () => body,
    deliveryAttempt: 1,
    publishedAt: timeOf(headers["x-goog-pubsub-publish-time"]),
    queue: undefined,
  });
}

interface PushParts {
  readonly messageId: string | undefined;
  readonly attributes: Attributes;
  readonly attributesAt: string;
  /** Not looked at in a Cloud Storage notification, which may have none. */
  readonly data: () => Uint8Array;
  readonly dataAt: string;
  readonly deliveryAttempt: number;
  readonly publishedAt: number | undefined;
  readonly queue: string | undefined;
  readonly isSealed: (data: Uint8Array) => boolean;
}

function parseParts(parts: PushParts): ParsedRequest {
  const notified = parseNotification(parts.attributes, parts.attributesAt);
  if (notified && "ignored" in notified) return notified;
  const message = notified ?? parseData(parts.data(), parts);
  const { deliveryAttempt, publishedAt, queue } = parts;
  return { message: withKey(message, parts.messageId), deliveryAttempt, publishedAt, queue };
}

/** Baton's own messages may say what only the engine knows. */
function parseData(data: Uint8Array, { dataAt, isSealed }: PushParts): Message {
  const json = parseJson(data, dataAt);
  return isSealed(data) ? parseAs(MessageSchema, json, "a message", dataAt) : parseMessage(json, dataAt);
}

/** A start without a key gets one from its transport: the same message delivered twice must not start two batches. */
function withKey(message: Message, messageId: string | undefined): Message {
  if (message.kind !== "start" || message.key !== undefined || messageId === undefined) return message;
  return { ...message, key: `pubsub ${messageId}` };
}

/** It is told in traces alone: one that can't be read is left out. */
function timeOf(text: string | null | undefined): number | undefined {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? undefined : time;
}

/** Node reads header bytes as Latin-1; object names beyond ASCII are UTF-8. */
function utf8OfHeader(value: string | undefined): string | undefined {
  if (value === undefined) return undefined;
  const decoded = Buffer.from(value, "latin1").toString("utf8");
  return decoded.includes("\ufffd") ? value : decoded;
}

const FinalizedSchema = z.object({
  bucketId: z.string().min(1),
  objectId: z.string().min(1),
  objectGeneration: z.string().min(1),
});

/** What a bucket's notification says; undefined when the attributes are not one's. Throws `BODY_NOT_AN_EVENT`. */
function parseNotification(attributes: Attributes, where: string): ObjectMessage | Ignored | undefined {
  if (!attributes.eventType?.startsWith("OBJECT_")) return undefined;
  // A bucket may be set to notify of more than Baton wants; that is no mistake of the message.
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
