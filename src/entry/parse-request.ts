import { isStructuredCloudEvent, parseBinaryCloudEvent, parseStructuredCloudEvent } from "./cloud-event.ts";
import { isJsonObject, parseJson } from "./json-body.ts";
import { parseMessage } from "./parse-message.ts";
import { isUnwrappedPush, parseUnwrappedPush, parseWrappedPush } from "./pubsub-push.ts";
import type { EntryRequest, ParsedRequest } from "./request.ts";

/**
 * The message a posted request carries, whatever its transport. Throws BatonErrors that are dead letters:
 * `BODY_NOT_JSON`, `BODY_NOT_BASE64`, `BODY_NOT_AN_EVENT`, `EVENT_TYPE_UNKNOWN`, `INPUT_TOO_LARGE`.
 */
export function parseRequest({ headers, body }: Pick<EntryRequest, "headers" | "body">): ParsedRequest {
  const eventType = headers["ce-type"];
  if (eventType !== undefined) return parseBinaryCloudEvent(eventType, body);
  if (isUnwrappedPush(headers)) return parseUnwrappedPush(headers, body);
  const json = parseJson(body, "body");
  if (isStructuredCloudEvent(headers, json)) return parseStructuredCloudEvent(json);
  if (isJsonObject(json) && Object.hasOwn(json, "message")) return parseWrappedPush(json);
  return { message: parseMessage(json), deliveryAttempt: 1 };
}
