import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { InvalidArgumentError } from "commander";
import type * as z from "zod";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { durationPattern, parseDurationSeconds } from "../core/values/duration.ts";
import type { JsonValue } from "../core/values/json.ts";
import { describeSyntaxError, findLimitViolation } from "../core/values/json-syntax.ts";
import { parseExactJson } from "../core/values/json-text.ts";
import type { Session } from "./session.ts";

/** A parser for an option that takes a whole number. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/**
 * A parser for an option that takes a time: `24h` ago, `today` or `yesterday` in the zone of this computer, a day, or a
 * time in ISO 8601. Returns milliseconds since 1970.
 */
export function pastTime(text: string): number {
  const now = new Date();
  const daysAgo = ["today", "yesterday"].indexOf(text);
  if (daysAgo >= 0) return new Date(now.getFullYear(), now.getMonth(), now.getDate() - daysAgo).getTime();
  if (durationPattern.test(text)) return now.getTime() - parseDurationSeconds(text, "the time") * 1_000;
  // A day alone is read as one in UTC by `Date`, and as one of this computer here.
  const at = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00`) : Date.parse(text);
  if (/^\d{4}-\d\d-\d\d/.test(text) && !Number.isNaN(at)) return at;
  throw new InvalidArgumentError(
    "It must be a time: 24h, today, yesterday, 2026-11-30 or 2026-11-30T08:00Z.",
  );
}

/** The bytes of `<text>`, `@<file>`, or standard input for `-`. Throws `USAGE`. */
export async function readBytes(session: Session, argument: string): Promise<Uint8Array> {
  if (argument === "-") return buffer(session.input());
  if (!argument.startsWith("@")) return Buffer.from(argument);
  const path = argument.slice(1);
  return readFile(path).catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't read ${path}: ${errorMessage(cause)}`, { cause });
  });
}

function decodeText(bytes: Uint8Array, name: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new BatonError("USAGE", `${name} is not UTF-8 text`, { cause });
  }
}

/** The JSON of `<text>` or `@<file>`. Throws `USAGE`, `NUMBER_NOT_EXACT`, `KEY_REPEATED`. */
export async function readJson(session: Session, argument: string, name: string): Promise<JsonValue> {
  const bytes = await readBytes(session, argument);
  const text = decodeText(bytes, name);
  const violation = findLimitViolation(bytes);
  if (violation !== undefined) throw new BatonError("USAGE", `${name} can't be read. ${violation}`);
  try {
    return parseExactJson(text, name);
  } catch (cause) {
    if (cause instanceof BatonError) throw cause;
    throw new BatonError("USAGE", `${name} is not JSON: ${describeSyntaxError(text)}`, { cause });
  }
}

/** Parses a message that a command sends. Throws `USAGE`. */
export function parseMessageOrUsage<Message>(schema: z.ZodType<Message>, value: unknown): Message {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data;
  const [issue] = error.issues;
  throw new BatonError("USAGE", `${issue?.path.join(".")}: ${issue?.message}`);
}
