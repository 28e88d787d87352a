import type * as z from "zod";

interface GoogleCall<Answer> {
  readonly method: "GET" | "POST";
  /** Below the endpoint, as the documentation has it: `/v1/projects/p/locations/l/jobs`. */
  readonly path: string;
  readonly body?: unknown;
  /** What the service answers. Anything else counts as no answer. */
  readonly answer: z.ZodType<Answer>;
  readonly signal: AbortSignal;
}

/** The REST interface of one of Google's services, called in the name of the environment's credentials. */
export interface GoogleRest {
  /** Throws a `GoogleRefusal`, and the reason of the signal. */
  call<Answer>(call: GoogleCall<Answer>): Promise<Answer>;
}

/** A service did not do what it was asked for. Says nothing of what was sent. */
export class GoogleRefusal extends Error {
  override readonly name = "GoogleRefusal";
  /** The status of the answer; 0: no answer came, or one that is not the service's; 401: there are no credentials. */
  readonly code: number;
  /** How long the service asks to be left in peace. */
  readonly retryAfterSeconds: number | undefined;

  constructor(
    code: number,
    message: string,
    options: ErrorOptions & { retryAfterSeconds?: number | undefined } = {},
  ) {
    super(message, options);
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }
}
