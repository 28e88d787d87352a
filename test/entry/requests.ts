import type { EntryRequest, RequestHeaders } from "../../src/entry/parse-message.ts";

export const base64 = (value: unknown): string =>
  Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64");

/** A posted request; a body that is not text or bytes is sent as JSON. */
export function post(body: unknown, headers: RequestHeaders = {}): EntryRequest {
  const bytes = body instanceof Uint8Array ? body : Buffer.from(asText(body));
  return { method: "POST", path: "/", headers, body: bytes };
}

/** A Pub/Sub push as Google sends it, both spellings included. */
export function push(message: Record<string, unknown>, rest: Record<string, unknown> = {}): unknown {
  return {
    message: {
      messageId: "2070443601311540",
      message_id: "2070443601311540",
      publishTime: "2026-02-26T19:13:55.749Z",
      publish_time: "2026-02-26T19:13:55.749Z",
      ...message,
    },
    subscription: "projects/p/subscriptions/s",
    ...rest,
  };
}

export const notification = {
  eventType: "OBJECT_FINALIZE",
  bucketId: "inbox",
  objectId: "sales/a.csv",
  objectGeneration: "1730000000000000",
  overwroteGeneration: "1720000000000000",
  payloadFormat: "JSON_API_V1",
};

const asText = (body: unknown): string => (typeof body === "string" ? body : JSON.stringify(body));
