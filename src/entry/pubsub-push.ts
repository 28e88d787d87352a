import * as z from "zod";
import { type Message, MessageSchema, type ObjectMessage, sealAttribute } from "../core/messages.ts";
import { viaQueueAttribute } from "../core/queues.ts";
import type { JsonValue } from "../core/values/json.ts";
import {
  decodeBase64,
  type Ignored,
  type ParsedRequest,
  parseAs,
  parseJson,
  parseMessage,
  type RequestHeaders,
  type SealCheck,
} from "./parse-message.ts";

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
export function parseWrappedPush(
  json: JsonValue,
  where: string,
  isSealed: SealCheck,
  attempt = 1,
): ParsedRequest {
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
export function parseUnwrappedPush(
  headers: RequestHeaders,
  body: Uint8Array,
  isSealed: SealCheck,
): ParsedRequest {
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
