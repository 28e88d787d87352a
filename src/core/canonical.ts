import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import type { JsonValue } from "./json.ts";

/** Canonical JSON by RFC 8785: equal values give equal text, whatever the order of their keys. */
export function canonicalJson(value: JsonValue): string {
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("A JSON value always has a canonical form");
  return text;
}

/** SHA-256 of the canonical JSON, in hexadecimal (64 characters). */
export function hashJson(value: JsonValue): string {
  return createHash("sha256").update(canonicalJson(value)).digest("hex");
}
