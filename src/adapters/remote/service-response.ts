import * as z from "zod";
import { errorMessage } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { truncate } from "../../core/values/text.ts";
import { parseGoogleRetryAfter } from "./http-request.ts";

/*
 * Responses of Google's REST services, and how to recognise one that is not from the service but from a proxy between:
 * it counts as no response at all. It never proves that something is missing, and never fails a task for good.
 */

/**
 * The response is not from the service: the page of a proxy, an empty body, half of one. The request may have been
 * carried out, and the same call may succeed the next time.
 */
export class UnexpectedResponseError extends Error {
  override readonly name = "UnexpectedResponseError";
}

/** Begins the message of each error about a response that is not from the service. */
export const notFromService = "The response is not from the service";

/** Any JSON object. */
export const AnyObjectSchema = z.looseObject({});

/** Google's `Empty`, the response of calls without a result. */
export const EmptyObjectSchema = z.strictObject({});

/**
 * An object whose fields are all omitted when they are empty, such as a page of a list: it has none, or at least one of
 * the fields. An object with other fields only is not from the service.
 */
export function sparseObject<Shape extends z.ZodRawShape>(shape: Shape) {
  const names = Object.keys(shape);
  return z.looseObject({}).refine(isEmptyOrHasOneOf(names)).pipe(z.object(shape));
}

function isEmptyOrHasOneOf(names: readonly string[]): (body: Readonly<Record<string, unknown>>) => boolean {
  return (body) => Object.keys(body).length === 0 || names.some((name) => name in body);
}

/** Replaces the body of a response with status 204. */
export const noContent: unique symbol = Symbol("no content");
export const NoContentSchema = z.custom<typeof noContent>((body) => body === noContent);

/** The body that a client returned for a response with this status. */
export function toResponseBody(status: number | undefined, body: unknown): unknown {
  return status === 204 ? noContent : body;
}

/** Throws an `UnexpectedResponseError`, which shows nothing of a JSON body: it may hold secrets. */
export function parseResponse<Answer>(schema: z.ZodType<Answer>, body: unknown): Answer {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(({ path }) => path.join(".")).find((path) => path !== "");
  throw new UnexpectedResponseError(
    `${notFromService}: ${describeBody(body)}${where === undefined ? "" : `, in which ${where} is wrong or missing`}`,
  );
}

/** Errors of all of Google's JSON interfaces have an `error`. */
const RefusalSchema = z.looseObject({ error: z.looseObject({}) });
const transientStatuses: ReadonlySet<number> = new Set([408, 429]);

/**
 * The status of an error response, or 0 if it is not from the service: a 404 of a proxy does not mean that the service
 * lacks the resource. A transient status means the same from any sender.
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

/** Why a call through one of Google's REST clients failed. */
export interface ClientFailure {
  /** Status of the service's response; 0 if there was none, or one that is not from the service. */
  readonly status: number;
  /** Status of any response, from the service or not; 0 if there was none. */
  readonly answeredStatus: number;
  readonly message: string;
  /** Google's reason codes, such as `notFound`. The first is the most specific. */
  readonly reasons: readonly string[];
  /** How long the service asks its client to wait. */
  readonly retryAfterSeconds: number | undefined;
}

const ErrorsSchema = z
  .array(z.object({ reason: z.string().catch(""), message: z.string().catch("") }))
  .catch([]);
const noResponse = { code: 0, errors: [], response: { headers: {}, body: undefined } };
/** `code` is an HTTP status, or the name of a network error. */
const ThrownSchema = z
  .object({
    code: z.coerce.number().int().min(100).max(599).catch(0),
    errors: ErrorsSchema,
    response: z
      .object({ headers: z.record(z.string(), z.unknown()).catch({}), body: z.unknown() })
      .catch(noResponse.response),
  })
  .catch(noResponse);

export function toClientFailure(thrown: unknown): ClientFailure {
  const { code, errors, response } = ThrownSchema.parse(thrown);
  const { headers, body } = response;
  const status = code === 0 ? 0 : serviceStatus(code, body);
  const reason = errors[0]?.message || errorMessage(thrown);
  return {
    status,
    answeredStatus: code,
    message:
      status === code ? reason : unexpectedResponseMessage(code, typeof body === "string" ? body : reason),
    reasons: errors.map(({ reason }) => reason).filter((reason) => reason !== ""),
    retryAfterSeconds: parseGoogleRetryAfter({ get: (name) => headerText(headers[name]) }, body),
  };
}

const ClientRefusalSchema = z
  .object({ error: z.object({ message: z.string(), errors: ErrorsSchema }) })
  .transform(({ error }) => error);

/** The error that Google's client would throw for a response that was fetched without it. `body` is JSON or text. */
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
  return `${notFromService}: ${status}${shown === "" ? "" : ` ${shown}`}`;
}

/** The gRPC status codes that adapters distinguish: https://grpc.io/docs/guides/status-codes/ */
export const grpcStatus = {
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  deadlineExceeded: 4,
  notFound: 5,
  alreadyExists: 6,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
  unauthenticated: 16,
} as const;

/** The status code of an error that one of Google's clients threw, if it has one. */
export function grpcCode(thrown: unknown): number | undefined {
  const isCoded = thrown instanceof Error && "code" in thrown && typeof thrown.code === "number";
  return isCoded ? Number(thrown.code) : undefined;
}

export async function undefinedIfNotFound<T>(call: () => Promise<T>): Promise<T | undefined> {
  try {
    return await call();
  } catch (thrown) {
    if (grpcCode(thrown) === grpcStatus.notFound) return undefined;
    throw thrown;
  }
}

/** The caller lacks the permission, or has no valid credentials. */
export function isDenied(code: number | undefined): boolean {
  return code === grpcStatus.permissionDenied || code === grpcStatus.unauthenticated;
}

/**
 * Back-off of Google's clients for a call that may take `totalMs` with all its retries. Each try gets a quarter of it.
 */
export function backoffSettings(totalMs: number) {
  return {
    initialRetryDelayMillis: 100,
    retryDelayMultiplier: 1.3,
    maxRetryDelayMillis: 5_000,
    initialRpcTimeoutMillis: totalMs / 4,
    rpcTimeoutMultiplier: 1,
    maxRpcTimeoutMillis: totalMs / 4,
    totalTimeoutMillis: totalMs,
  };
}
