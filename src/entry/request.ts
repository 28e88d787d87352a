import { BatonError } from "../core/errors/errors.ts";
import { parseExactJson } from "../core/values/exact-json.ts";
import type { JsonValue } from "../core/values/json.ts";
import { describeSyntaxError, findLimitViolation } from "../core/values/json-syntax.ts";
import type { Delivery } from "../ports/broker.ts";
import { refusal } from "./parse-message.ts";

/** An HTTP request, whatever server took it in. */
export interface EntryRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  /** Names in lower case. */
  readonly headers: RequestHeaders;
  /** As sent, neither decoded nor parsed. */
  readonly body: Uint8Array;
}

export type RequestHeaders = { readonly [name: string]: string | undefined };

/** A delivery that is right and means nothing to Baton: it is acknowledged, and that is all. */
export interface Ignored {
  readonly ignored: string;
}

export type ParsedRequest = Delivery | Ignored;

/** Whether the data of a message bears Baton's own seal. */
export type SealCheck = (data: Uint8Array, seal: string | undefined) => boolean;

/** Where nothing is sealed, whoever sends a message may say what anyone may say. */
export const rejectAllSeals: SealCheck = () => false;

/**
 * The JSON value in the bytes. Its numbers are as they were written, its depth and number of values within `limits`.
 * Throws `BODY_NOT_JSON` with the position, `NUMBER_NOT_EXACT`, or `BODY_NOT_AN_EVENT` for JSON no message can hold.
 */
export function parseJson(bytes: Uint8Array, where: string): JsonValue {
  const text = decodeUtf8(bytes, where);
  if (text.trim() === "") throw refusal("BODY_NOT_JSON", "There is nothing in it", where);
  const excess = findLimitViolation(bytes);
  if (excess !== undefined) throw refusal("BODY_NOT_AN_EVENT", excess, where);
  return parseText(text, where);
}

/** The bytes of strict base64 (RFC 4648: standard alphabet, padded, nothing else). Throws `BODY_NOT_BASE64`. */
export function decodeBase64(text: string, where: string): Uint8Array {
  const bytes = Buffer.from(text, "base64");
  if (bytes.toString("base64") === text) return bytes;
  const position = text.search(/[^A-Za-z0-9+/=]/);
  const problem =
    position < 0 ? "It is cut short or wrongly padded" : `It has a wrong character at position ${position}`;
  throw refusal("BODY_NOT_BASE64", problem, where);
}

function decodeUtf8(bytes: Uint8Array, where: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refusal("BODY_NOT_JSON", "It is not UTF-8 text", where);
  }
}

function parseText(text: string, where: string): JsonValue {
  try {
    return parseExactJson(text, where);
  } catch (error) {
    if (error instanceof BatonError) throw error;
    throw refusal("BODY_NOT_JSON", describeSyntaxError(text), where);
  }
}
