import * as z from "zod";
import { limits } from "../../core/limits.ts";
import { shortened } from "../../core/short-text.ts";

/**
 * What came is not an answer of the service: the page of a proxy, an empty one, half of one. It counts as no answer:
 * what was asked for may have been done, and the same call may be answered the next time.
 */
export class StrangeAnswerError extends Error {
  override readonly name = "StrangeAnswerError";
}

/** Any JSON object. */
export const AnyObjectSchema = z.looseObject({});

/** What Google's services answer when there is nothing to tell. */
export const EmptyObjectSchema = z.strictObject({});

/**
 * A list's page or the like, all of whose fields are left out when they are empty: an object with one of them at
 * least, or with none at all. Objects of something else have others.
 */
export function mayBeEmpty<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape);
  return z.looseObject({}).refine(isOfThese(names)).pipe(z.object(shape));
}

function isOfThese(names: readonly string[]): (body: Readonly<Record<string, unknown>>) => boolean {
  return (body) => Object.keys(body).length === 0 || names.some((name) => name in body);
}

/** In the place of a body, when the status says that there is none (204). */
export const noContent: unique symbol = Symbol("no content");
export const NoContentSchema = z.custom<typeof noContent>((body) => body === noContent);

/** A body as the client of a service gives it, of an answer with this status. */
export function bodyOf(status: number | undefined, body: unknown): unknown {
  return status === 204 ? noContent : body;
}

/** What a service answered. Throws a `StrangeAnswerError`, which shows nothing of what came. */
export function answerOf<Answer>(schema: z.ZodType<Answer>, body: unknown): Answer {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(({ path }) => path.join(".")).find((path) => path !== "");
  throw new StrangeAnswerError(
    `What came is not an answer of the service: ${kindOf(body)}${where === undefined ? "" : `, in which ${where} is wrong or missing`}`,
  );
}

/** All of Google's JSON interfaces refuse with an `error`. */
const RefusalSchema = z.looseObject({ error: z.looseObject({}) });
const passing: ReadonlySet<number> = new Set([408, 429]);

/**
 * The status of a refusal; 0 when it is not the service's own: a proxy that knows no such page says nothing of what
 * the service has. A transient status means the same from any sender.
 */
export function statusOfRefusal(status: number, body: unknown): number {
  return status >= 500 || passing.has(status) || RefusalSchema.safeParse(body).success ? status : 0;
}

function kindOf(body: unknown): string {
  if (body === noContent || body === undefined || body === "") return "it is empty";
  if (typeof body === "string")
    return `it is text, "${shortened(body.trim(), limits.shownAnswerCharacters)}"`;
  if (Array.isArray(body)) return "it is a list";
  return body === null ? "it is null" : "it is other JSON";
}
