interface GoogleCall {
  readonly method: "GET" | "POST";
  /** Below the endpoint, as the documentation has it: `/v1/projects/p/locations/l/jobs`. */
  readonly path: string;
  readonly body?: unknown;
  readonly signal: AbortSignal;
}

/** The REST interface of one of Google's services, called in the name of the environment's credentials. */
export interface GoogleRest {
  /** The answer's JSON. Throws a `GoogleRefusal`, and the reason of the signal. */
  call(call: GoogleCall): Promise<unknown>;
}

/** A service did not do what it was asked for. Says nothing of what was sent. */
export class GoogleRefusal extends Error {
  override readonly name = "GoogleRefusal";
  /** The status of the answer; 0: no answer came; 401: there are no credentials. */
  readonly code: number;

  constructor(code: number, message: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}
