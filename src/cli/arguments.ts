import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { InvalidArgumentError } from "commander";
import type * as z from "zod";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
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
