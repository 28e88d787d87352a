import * as z from "zod";
import { BatonError, TaskError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import {
  prefixPaths,
  secretsInBody,
  secretsInHeaders,
  secretsInUrl,
} from "../core/template/secret-references.ts";
import { type Duration, DurationSchema, parseDurationSeconds } from "../core/values/duration.ts";
import { type JsonValue, JsonValueSchema } from "../core/values/json.ts";
import { parseExactJson } from "../core/values/json-text.ts";
import type { SecretRedactor } from "../core/values/secrets.ts";
import { redactUrl } from "../core/values/text.ts";
import type { HttpResponse } from "../ports/http.ts";
import { taskOfType } from "../runtime/task-parameters.ts";
import type { Placeholder, TaskContext, TaskSpec, TaskType } from "../runtime/task-type.ts";

type HttpMethod = "GET" | "HEAD" | "POST" | "PUT" | "PATCH" | "DELETE";

export interface HttpParameters {
  readonly url: string;
  /** Default: POST with a body, GET without. */
  readonly method?: HttpMethod;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as JSON. */
  readonly body?: JsonValue;
  /** For the whole exchange, redirects included. Default `"30s"`. */
  readonly timeout?: Duration | Placeholder;
  /** Statuses that count as success. Default: 200 to 299. */
  readonly expect?: readonly number[];
  /** A larger answer fails the task. Default 1 MiB. */
  readonly maxResponseBytes?: number;
  /**
   * How to handle numbers in the answer that a double can't hold exactly, such as ids of 64 bits. `refuse` fails the
   * task (`NUMBER_NOT_EXACT`), `text` keeps them, and all whole numbers beyond 2^53, as texts. Default `refuse`.
   */
  readonly largeNumbers?: "refuse" | "text";
}

export interface HttpResult {
  readonly status: number;
  /** The value when the answer is JSON, else its text. */
  readonly body: JsonValue;
}

const retryableStatuses: ReadonlySet<number> = new Set([408, 425, 429]);

const ParametersSchema = z
  .strictObject({
    url: z.string().min(1).describe("Where the request goes"),
    method: z
      .enum(["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"])
      .optional()
      .describe("Default: POST with a body, GET without"),
    headers: z.record(z.string(), z.string()).default({}).describe("Headers by their names"),
    body: JsonValueSchema.optional().describe("Sent as JSON"),
    timeout: DurationSchema.default("30s").describe(
      'For the whole exchange, redirects included. Default `"30s"`',
    ),
    expect: z
      .array(z.int().min(100).max(599))
      .nonempty()
      .optional()
      .describe("Statuses that count as success. Default: 200 to 299"),
    maxResponseBytes: z
      .int()
      .positive()
      .default(limits.httpAnswerBytes)
      .describe("A larger answer fails the task. Default 1 MiB"),
    largeNumbers: z
      .enum(["refuse", "text"])
      .default("refuse")
      .describe(
        "How to handle numbers in the answer that a double can't hold exactly, such as ids of 64 bits",
      ),
  })
  .refine(({ method, body }) => body === undefined || (method !== "GET" && method !== "HEAD"), {
    path: ["body"],
    message: "GET and HEAD have no body",
  });
type Parameters = z.infer<typeof ParametersSchema>;

export const httpType: TaskType<Parameters, HttpResult> = {
  type: "http",
  summary: "Sends a JSON request and keeps the answer",
  parameters: ParametersSchema,
  secretParameters: ["url", "headers", "body"],
  findLiteralSecrets: ({ url, headers, body }) => [
    ...prefixPaths("url", secretsInUrl(url)),
    ...prefixPaths("headers", secretsInHeaders(headers)),
    ...prefixPaths("body", secretsInBody(body)),
  ],
  run: send,
};

/**
 * Sends a request, with the task's idempotency key in `Idempotency-Key` unless `headers` has its own. The statuses
 * 408, 425, 429 and 5xx are retried, no sooner than a `Retry-After` allows. Other unexpected statuses fail the
 * task (`HTTP_STATUS`).
 */
export function http(parameters: HttpParameters): TaskSpec<HttpResult, HttpParameters> {
  return taskOfType(httpType, parameters);
}

/** Inserts secrets into the request and removes them from the answer. No other part of Baton sees them. */
async function send(
  context: TaskContext,
  parameters: Parameters,
  secrets: SecretRedactor,
): Promise<HttpResult> {
  const { url, body, maxResponseBytes } = parameters;
  const method = parameters.method ?? (body === undefined ? "GET" : "POST");
  const response = await context.services.http.request({
    url: secrets.revealInUrl(url),
    method,
    headers: headersOf(parameters, context.idempotencyKey, secrets),
    body: body === undefined ? undefined : secrets.revealInJson(JSON.stringify(body)),
    secrets,
    timeoutSeconds: parseDurationSeconds(parameters.timeout, "timeout"),
    maxResponseBytes,
    signal: context.signal,
  });
  if (!isAccepted(response.status, parameters.expect)) throw refusal(method, response, secrets);
  return { status: response.status, body: secrets.redactJson(bodyOf(response, parameters, secrets)) };
}

function headersOf(
  { headers, body }: Parameters,
  idempotencyKey: string,
  secrets: SecretRedactor,
): Record<string, string> {
  const sent = new Map<string, string>([
    ["accept", "application/json, */*;q=0.5"],
    ["idempotency-key", idempotencyKey],
  ]);
  if (body !== undefined) sent.set("content-type", "application/json");
  for (const [name, value] of Object.entries(headers)) sent.set(name.toLowerCase(), secrets.reveal(value));
  return Object.fromEntries(sent);
}

function isAccepted(status: number, expected: readonly number[] | undefined): boolean {
  return expected ? expected.includes(status) : status >= 200 && status <= 299;
}

/** Describes the answer, never the request: headers, path and query may hold secrets. */
function refusal(method: string, response: HttpResponse, secrets: SecretRedactor): TaskError {
  const { status, url, body, retryAfterSeconds } = response;
  const said = secrets.redact(withoutPath(body, url));
  const cut =
    said.length > limits.shownAnswerCharacters ? `${said.slice(0, limits.shownAnswerCharacters)}…` : said;
  return new TaskError(`${method} ${redactUrl(url)} answered ${status}${cut === "" ? "" : `: ${cut}`}`, {
    code: "HTTP_STATUS",
    retryable: retryableStatuses.has(status) || status >= 500,
    retryAfterSeconds,
  });
}

/** Servers often repeat the unknown path in their answer. */
function withoutPath(body: string, url: string): string {
  const { pathname, search } = new URL(url);
  const secrets = [pathname + search, pathname, search].filter((text) => text.length > 1);
  return secrets.reduce((text, secret) => text.replaceAll(secret, "…"), body);
}

function bodyOf(
  { headers, body, url }: HttpResponse,
  { largeNumbers }: Parameters,
  secrets: SecretRedactor,
): JsonValue {
  if (!/^application\/([\w.+-]+\+)?json\b/i.test(headers["content-type"] ?? "")) return body;
  try {
    return parseExactJson(body, "body", largeNumbers);
  } catch (error) {
    if (error instanceof BatonError) throw unusableAnswer(error, url, secrets);
    // Only a SyntaxError says that it is no JSON.
    if (error instanceof RangeError) throw tooDeep(url);
    return body;
  }
}

function unusableAnswer({ code, message }: BatonError, url: string, secrets: SecretRedactor): TaskError {
  const remedy =
    code === "NUMBER_NOT_EXACT"
      ? " Set the parameter `largeNumbers: text` to keep such numbers as strings."
      : "";
  const text = `The answer of ${redactUrl(url)} can't be kept. ${secrets.redact(message)}.${remedy}`;
  return new TaskError(text, { code, retryable: false });
}

function tooDeep(url: string): TaskError {
  const text = `The answer of ${redactUrl(url)} can't be kept. It nests deeper than ${limits.jsonDepth} levels.`;
  return new TaskError(text, { code: "TASK_RESULT_NOT_JSON", retryable: false });
}
