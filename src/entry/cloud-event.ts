import * as z from "zod";
import { isJsonObject, type JsonValue } from "../core/json.ts";
import { decodeBase64, parseJson } from "./json-body.ts";
import { parseWrappedPush } from "./pubsub-push.ts";
import { parseAs, refusal } from "./refusal.ts";
import type { ParsedRequest, RequestHeaders, SealCheck } from "./request.ts";

type DataParser = (data: JsonValue, where: string, isSealed: SealCheck) => ParsedRequest;

const eventTypes: ReadonlyMap<string, DataParser> = new Map([
  ["google.cloud.pubsub.topic.v1.messagePublished", parseWrappedPush],
  ["google.cloud.storage.object.v1.finalized", parseFinalized],
]);

/** 64-bit integers are strings in Google's JSON, and numbers in that of some others. */
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
export function parseBinaryCloudEvent(type: string, body: Uint8Array, isSealed: SealCheck): ParsedRequest {
  const parse = parserOf(type, "headers.ce-type");
  return parse(parseJson(body, "body"), "body", isSealed);
}

/** Whether a body is an event with its envelope: some senders say so in its fields alone. */
export function isStructuredCloudEvent(headers: RequestHeaders, json: JsonValue): boolean {
  if (headers["content-type"]?.toLowerCase().startsWith("application/cloudevents+json")) return true;
  return isJsonObject(json) && Object.hasOwn(json, "specversion");
}

/** An event that is one JSON document, its data as JSON or as base64 of JSON. */
export function parseStructuredCloudEvent(json: JsonValue, isSealed: SealCheck): ParsedRequest {
  const event = parseAs(EnvelopeSchema, json, "a CloudEvent", "body");
  const parse = parserOf(event.type, "body.type");
  if (event.data_base64 !== undefined) {
    const bytes = decodeBase64(event.data_base64, "body.data_base64");
    return parse(parseJson(bytes, "body.data_base64"), "body.data_base64", isSealed);
  }
  const data = isJsonObject(json) && Object.hasOwn(json, "data") ? json.data : undefined;
  return parse(data ?? null, "body.data", isSealed);
}

function parserOf(type: string, where: string): DataParser {
  const parser = eventTypes.get(type);
  if (parser) return parser;
  throw refusal("EVENT_TYPE_UNKNOWN", `Events of type ${JSON.stringify(type)} are not handled`, where);
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
