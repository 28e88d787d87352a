import { isJsonObject, type JsonValue } from "../core/json.ts";
import { isStructuredCloudEvent, parseBinaryCloudEvent, parseStructuredCloudEvent } from "./cloud-event.ts";
import { dispatchAttempt } from "./dispatch-attempt.ts";
import { parseJson } from "./json-body.ts";
import { parseMessage } from "./parse-message.ts";
import { isSentByPubSub, isUnwrappedPush, parseUnwrappedPush, parseWrappedPush } from "./pubsub-push.ts";
import { type EntryRequest, nobodySealed, type ParsedRequest, type SealCheck } from "./request.ts";

/**
 * The message a posted request carries, whatever its transport. Throws BatonErrors that are dead letters:
 * `BODY_NOT_JSON`, `NUMBER_NOT_EXACT`, `BODY_NOT_BASE64`, `BODY_NOT_AN_EVENT`, `EVENT_TYPE_UNKNOWN`, `INPUT_TOO_LARGE`.
 */
export function parseRequest(
  { headers, body }: Pick<EntryRequest, "headers" | "body">,
  isSealed: SealCheck = nobodySealed,
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
 * Whether a request comes from what delivers again whatever is not acknowledged (Pub/Sub, Eventarc, Cloud Tasks),
 * rather than from a client that posts JSON and reads the answer.
 */
export function isRedelivered({ headers, body }: Pick<EntryRequest, "headers" | "body">): boolean {
  if (headers["ce-type"] !== undefined || isUnwrappedPush(headers)) return true;
  if (headers["x-cloudtasks-queuename"] !== undefined || isSentByPubSub(headers)) return true;
  const json = jsonOrNull(body);
  if (isStructuredCloudEvent(headers, json)) return true;
  return isJsonObject(json) && json.message !== undefined && isJsonObject(json.message);
}

function jsonOrNull(body: Uint8Array): JsonValue {
  try {
    return parseJson(body, "body");
  } catch {
    return null;
  }
}
