import { readFile } from "node:fs/promises";
import { buffer } from "node:stream/consumers";
import { InvalidArgumentError } from "commander";
import type * as z from "zod";
import { BatonError, messageOf } from "../core/errors.ts";
import type { JsonValue } from "../core/json.ts";

/** A whole number from the command line. */
export function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (/^\d+$/.test(text) && number >= least && number <= most) return number;
    throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
  };
}

/** The bytes of `<text>`, `@<file>`, or standard input for `-`. Throws `USAGE`. */
export async function readBytes(argument: string): Promise<Uint8Array> {
  if (argument === "-") return buffer(process.stdin);
  if (!argument.startsWith("@")) return Buffer.from(argument);
  const path = argument.slice(1);
  return readFile(path).catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't read ${path}: ${messageOf(cause)}`, { cause });
  });
}

/** The JSON of `<text>` or `@<file>`. Throws `USAGE`. */
export async function readJson(argument: string, name: string): Promise<JsonValue> {
  const text = new TextDecoder().decode(await readBytes(argument));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new BatonError("USAGE", `${name} is not JSON: ${messageOf(cause)}`, { cause });
  }
}

/** The message, as it may be sent. Throws `USAGE`. */
export function parseMessageOrUsage<Message>(schema: z.ZodType<Message>, value: unknown): Message {
  const { data, error } = schema.safeParse(value);
  if (error === undefined) return data;
  const [issue] = error.issues;
  throw new BatonError("USAGE", `${issue?.path.join(".")}: ${issue?.message}`);
}
