import * as z from "zod";
import { errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { truncate } from "../../core/values/text.ts";
import { parseGoogleRetryAfter } from "./http-request.ts";

/**
 * What came is not an answer of the service: the page of a proxy, an empty one, half of one. It counts as no answer:
 * what was asked for may have been done, and the same call may be answered the next time.
 */
export class UnexpectedResponseError extends Error {
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
export function sparseObject<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape);
  return z.looseObject({}).refine(isEmptyOrHasOneOf(names)).pipe(z.object(shape));
}

function isEmptyOrHasOneOf(names: readonly string[]): (body: Readonly<Record<string, unknown>>) => boolean {
  return (body) => Object.keys(body).length === 0 || names.some((name) => name in body);
}

/** In the place of a body, when the status says that there is none (204). */
export const noContent: unique symbol = Symbol("no content");
export const NoContentSchema = z.custom<typeof noContent>((body) => body === noContent);

/** A body as the client of a service gives it, of an answer with this status. */
export function toResponseBody(status: number | undefined, body: unknown): unknown {
  return status === 204 ? noContent : body;
}

/** What a service answered. Throws a `StrangeAnswerError`, which shows nothing of what came. */
export function parseResponse<Answer>(schema: z.ZodType<Answer>, body: unknown): Answer {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(({ path }) => path.join(".")).find((path) => path !== "");
  throw new UnexpectedResponseError(
    `What came is not an answer of the service: ${describeBody(body)}${where === undefined ? "" : `, in which ${where} is wrong or missing`}`,
  );
}

/** All of Google's JSON interfaces refuse with an `error`. */
const RefusalSchema = z.looseObject({ error: z.looseObject({}) });
const transientStatuses: ReadonlySet<number> = new Set([408, 429]);

/**
 * The status of a refusal; 0 when it is not the service's own: a proxy that knows no such page says nothing of what
 * the service has. A transient status means the same from any sender.
 */
export function serviceStatus(status: number, body: unknown): number {
  return status >= 500 || transientStatuses.has(status) || RefusalSchema.safeParse(body).success ? status : 0;
}

function describeBody(body: unknown): string {
  if (body === noContent || body === undefined || body === "") return "it is empty";
  if (typeof body === "string") return `it is text, "${truncate(body.trim(), limits.shownAnswerCharacters)}"`;
  if (Array.isArray(body)) return "it is a list";
  return body === null ? "it is null" : "it is other JSON";
}

/** Why a call through a REST client of Google's came to nothing. */
export interface ClientFailure {
  /** Of the answer of the service; 0: none came, or one that is not the service's. */
  readonly status: number;
  /** Of whatever came, the service's or not; 0: nothing did. */
  readonly answeredStatus: number;
  readonly message: string;
  /** Google's words for it, such as `notFound`; the first says most. */
  readonly reasons: readonly string[];
  /** How long the service asks to be left in peace. */
  readonly retryAfterSeconds: number | undefined;
}

const ErrorsSchema = z
  .array(z.object({ reason: z.string().catch(""), message: z.string().catch("") }))
  .catch([]);
const noResponse = { code: 0, errors: [], response: { headers: {}, body: undefined } };
/** The code is a status, or the name of a network error. */
const ThrownSchema = z
  .object({
    code: z.coerce.number().int().min(100).max(599).catch(0),
    errors: ErrorsSchema,
    response: z
      .object({ headers: z.record(z.string(), z.unknown()).catch({}), body: z.unknown() })
      .catch(noResponse.response),
  })
  .catch(noResponse);

/** What a client threw, sorted. */
export function toClientFailure(thrown: unknown): ClientFailure {
  const { code, errors, response } = ThrownSchema.parse(thrown);
  const { headers, body } = response;
  const status = code === 0 ? 0 : serviceStatus(code, body);
  const said = errors[0]?.message || errorMessage(thrown);
  return {
    status,
    answeredStatus: code,
    message: status === code ? said : unexpectedResponseMessage(code, typeof body === "string" ? body : said),
    reasons: errors.map(({ reason }) => reason).filter((reason) => reason !== ""),
    retryAfterSeconds: parseGoogleRetryAfter({ get: (name) => headerText(headers[name]) }, body),
  };
}

const ClientRefusalSchema = z
  .object({ error: z.object({ message: z.string(), errors: ErrorsSchema }) })
  .transform(({ error }) => error);

/** An answer that was fetched without the client, as its error. `body` is JSON, or text that is none. */
export function toClientError(status: number, headers: Headers, body: unknown): Error {
  const { message, errors } = ClientRefusalSchema.safeParse(body).data ?? {
    message: String(body),
    errors: [],
  };
  const response = { headers: Object.fromEntries(headers), body };
  return Object.assign(new Error(message), { code: status, errors, response });
}

function headerText(header: unknown): string | null {
  return typeof header === "string" ? header : null;
}

function unexpectedResponseMessage(status: number, text: string): string {
  const shown = truncate(text.trim(), limits.shownAnswerCharacters);
  return `What came is not an answer of the service: ${status}${shown === "" ? "" : ` ${shown}`}`;
}
