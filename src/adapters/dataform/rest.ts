import type * as z from "zod";
import { TaskError } from "../../core/errors.ts";
import { GoogleRefusal, type GoogleRest } from "../../ports/google-rest.ts";
import { googleRest } from "../remote/google-rest.ts";

export interface DataformOptions {
  /** Default `https://dataform.googleapis.com`. With one of its own no credentials are sent. */
  readonly apiEndpoint?: string | undefined;
}

export interface RestCall<Answer> {
  readonly method: "GET" | "POST";
  /** A resource name, perhaps with a `:verb`. */
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: unknown;
  /** What Dataform answers. */
  readonly answer: z.ZodType<Answer>;
  readonly signal: AbortSignal;
}

/** A compilation is answered when it is done. */
const timeoutMs = 180_000;

/** Calls of the REST API, by resource names. */
export class DataformRest {
  readonly #rest: GoogleRest;

  constructor({ apiEndpoint: endpoint }: DataformOptions) {
    this.#rest = googleRest({ service: "https://dataform.googleapis.com", endpoint, timeoutMs });
  }

  /** Throws `DATAFORM_DENIED`, `DATAFORM_REFUSED` and `DATAFORM_UNAVAILABLE`. */
  async call<Answer>({ path, query = {}, ...call }: RestCall<Answer>): Promise<Answer> {
    const { method } = call;
    try {
      return await this.#rest.call({ ...call, path: addressOf(path, query) });
    } catch (error) {
      throw error instanceof GoogleRefusal ? taskError(`${method} ${path}`, error) : error;
    }
  }
}

function addressOf(path: string, query: Readonly<Record<string, string | undefined>>): string {
  const given = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) if (value !== undefined) given.set(name, value);
  const address = `/v1/${path.split("/").map(encodeSegment).join("/")}`;
  return given.size > 0 ? `${address}?${given}` : address;
}

/** The `:` of a verb stays as it is. */
function encodeSegment(segment: string): string {
  return segment.split(":").map(encodeURIComponent).join(":");
}

function taskError(what: string, { code: status, message, retryAfterSeconds }: GoogleRefusal): TaskError {
  const said = `${what}: ${message}`;
  if (status === 401 || status === 403)
    return new TaskError(said, { code: "DATAFORM_DENIED", retryable: false });
  if (status === 0 || status === 408 || status === 429 || status >= 500)
    return new TaskError(said, { code: "DATAFORM_UNAVAILABLE", retryAfterSeconds });
  return new TaskError(said, { code: "DATAFORM_REFUSED", retryable: false });
}
