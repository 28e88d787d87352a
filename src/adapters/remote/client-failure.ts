import * as z from "zod";
import { messageOf } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { shortened } from "../../core/short-text.ts";
import { pauseAskedByGoogle } from "./exchange.ts";
import { statusOfRefusal } from "./service-answer.ts";

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
const nothing = { code: 0, errors: [], response: { headers: {}, body: undefined } };
/** The code is a status, or the name of a network error. */
const ThrownSchema = z
  .object({
    code: z.coerce.number().int().min(100).max(599).catch(0),
    errors: ErrorsSchema,
    response: z
      .object({ headers: z.record(z.string(), z.unknown()).catch({}), body: z.unknown() })
      .catch(nothing.response),
  })
  .catch(nothing);

/** What a client threw, sorted. */
export function clientFailureOf(thrown: unknown): ClientFailure {
  const { code, errors, response } = ThrownSchema.parse(thrown);
  const { headers, body } = response;
  const status = code === 0 ? 0 : statusOfRefusal(code, body);
  const said = errors[0]?.message || messageOf(thrown);
  return {
    status,
    answeredStatus: code,
    message: status === code ? said : strangeMessage(code, typeof body === "string" ? body : said),
    reasons: errors.map(({ reason }) => reason).filter((reason) => reason !== ""),
    retryAfterSeconds: pauseAskedByGoogle({ get: (name) => textOf(headers[name]) }, body),
  };
}

const RefusalSchema = z
  .object({ error: z.object({ message: z.string(), errors: ErrorsSchema }) })
  .transform(({ error }) => error);

/** An answer that was fetched without the client, as its error. `body` is JSON, or text that is none. */
export function clientErrorOf(status: number, headers: Headers, body: unknown): Error {
  const { message, errors } = RefusalSchema.safeParse(body).data ?? { message: String(body), errors: [] };
  const response = { headers: Object.fromEntries(headers), body };
  return Object.assign(new Error(message), { code: status, errors, response });
}

function textOf(header: unknown): string | null {
  return typeof header === "string" ? header : null;
}

function strangeMessage(status: number, text: string): string {
  const shown = shortened(text.trim(), limits.shownAnswerCharacters);
  return `What came is not an answer of the service: ${status}${shown === "" ? "" : ` ${shown}`}`;
}
