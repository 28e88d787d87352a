import type { AuthClient, GoogleAuth } from "google-auth-library";
import { errorMessage } from "../../core/errors/errors.ts";
import { GoogleApiError } from "../../ports/http.ts";

export interface GoogleCredentialsOptions {
  /** What the tokens are for. Default: whatever the account may do. */
  readonly scope?: string;
  /** How long a token is waited for. The library itself waits for ever on Google Cloud. Default: 30 seconds. */
  readonly timeoutMs?: number;
}

/** The credentials of the environment, as all clients of Google's find them. Loaded at their first use. */
export class GoogleCredentials {
  readonly #scope: string;
  readonly #timeoutMs: number;
  #auth: Promise<GoogleAuth> | undefined;

  constructor(options: GoogleCredentialsOptions = {}) {
    this.#scope = options.scope ?? "https://www.googleapis.com/auth/cloud-platform";
    this.#timeoutMs = options.timeoutMs ?? 30_000;
  }

  /** Throws a `GoogleApiError`: 401 when there are none, 0 when no token comes in time. */
  async headers(): Promise<Record<string, string>> {
    try {
      const auth = await this.#open();
      return Object.fromEntries(await withTimeout(this.#timeoutMs, auth.getRequestHeaders()));
    } catch (error) {
      if (error instanceof CallTimeoutError)
        throw new GoogleApiError(0, `No token came: ${error.message}`, { cause: error });
      throw new GoogleApiError(401, `There are no credentials: ${errorMessage(error)}`, { cause: error });
    }
  }

  /** The next call fetches a token of its own: that of the last one is not taken any more. */
  forget(): void {
    this.#auth = undefined;
  }

  /** Whose they are: an e-mail address, or undefined when they don't say. Throws a `GoogleApiError` when there are none. */
  async account(): Promise<string | undefined> {
    await this.headers();
    const auth = await this.#open();
    // Those of a person name nobody, and some other kinds refuse to be asked.
    const body = await auth.getCredentials().catch(() => undefined);
    return body?.client_email ?? (await accountEmail(auth));
  }

  #open(): Promise<GoogleAuth> {
    this.#auth ??= import("google-auth-library").then(
      ({ GoogleAuth }) => new GoogleAuth({ scopes: [this.#scope] }),
    );
    return this.#auth;
  }
}

/** What a client is given that calls a local server in Google's place. */
export async function anonymousClient(): Promise<AuthClient> {
  const { PassThroughClient } = await import("google-auth-library");
  return new PassThroughClient();
}

/** Google tells whose token it is, when the token may say so. */
async function accountEmail(auth: GoogleAuth): Promise<string | undefined> {
  const { OAuth2Client } = await import("google-auth-library");
  const client = await auth.getClient();
  const { token } = await client.getAccessToken();
  if (!token || !(client instanceof OAuth2Client)) return undefined;
  const told = await client.getTokenInfo(token).catch(() => undefined);
  return told?.email;
}

/**
 * Asks once more, with credentials that are fetched again, when the service does not take those that it was shown:
 * they may have run out, or been withdrawn, since they were fetched.
 */
export async function withFreshCredentials<Answer>(
  ask: () => Promise<Answer>,
  { isRefused, refresh }: { isRefused(thrown: unknown): boolean; refresh(): void },
): Promise<Answer> {
  try {
    return await ask();
  } catch (thrown) {
    if (!isRefused(thrown)) throw thrown;
    refresh();
    return ask();
  }
}

/** What was waited for did not come. */
class CallTimeoutError extends Error {}

/**
 * What the work comes to; throws a `NoAnswerError` when that takes longer. The work itself goes on: this is for clients that can't be told to
 * stop, and wait for ever by themselves. (Those of BigQuery and Cloud Storage have an option for it, which does nothing.)
 */
export async function withTimeout<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => late.reject(new CallTimeoutError(`no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await Promise.race([work, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
