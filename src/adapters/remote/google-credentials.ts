import type { AuthClient, GoogleAuth } from "google-auth-library";
import { errorMessage } from "../../core/errors/errors.ts";
import { GoogleApiError } from "../../ports/http.ts";

export interface GoogleCredentialsOptions {
  /** Scope of the tokens. Default: everything that the account may do. */
  readonly scope?: string;
  /** Timeout for fetching a token; on Google Cloud the library itself has none. Default: 30 seconds. */
  readonly timeoutMs?: number;
}

/** Application Default Credentials, as all of Google's clients find them. The library is loaded at the first use. */
export class GoogleCredentials {
  readonly #scope: string;
  readonly #timeoutMs: number;
  #auth: Promise<GoogleAuth> | undefined;

  constructor(options: GoogleCredentialsOptions = {}) {
    this.#scope = options.scope ?? "https://www.googleapis.com/auth/cloud-platform";
    this.#timeoutMs = options.timeoutMs ?? 30_000;
  }

  /** Throws a `GoogleApiError`: 401 if there are no credentials, 0 if no token is fetched in time. */
  async headers(): Promise<Record<string, string>> {
    try {
      const auth = await this.#open();
      return Object.fromEntries(await withTimeout(this.#timeoutMs, auth.getRequestHeaders()));
    } catch (error) {
      if (error instanceof CallTimeoutError)
        throw new GoogleApiError(0, `No token could be fetched: ${error.message}`, { cause: error });
      throw new GoogleApiError(401, `There are no credentials: ${errorMessage(error)}`, { cause: error });
    }
  }

  /** Drops a token that the service no longer accepts. The next call fetches another one. */
  discardToken(): void {
    this.#auth = undefined;
  }

  /**
   * E-mail address of the account, or undefined if it can't be found out. Throws a `GoogleApiError` without
   * credentials.
   */
  async account(): Promise<string | undefined> {
    await this.headers();
    const auth = await this.#open();
    // The credentials of a person have no address, and some other kinds throw here.
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

/** For clients that call a local server instead of Google's. */
export async function anonymousClient(): Promise<AuthClient> {
  const { PassThroughClient } = await import("google-auth-library");
  return new PassThroughClient();
}

/** Asks Google whose token this is. The token's scope may not allow the question. */
async function accountEmail(auth: GoogleAuth): Promise<string | undefined> {
  const { OAuth2Client } = await import("google-auth-library");
  const client = await auth.getClient();
  const { token } = await client.getAccessToken();
  if (!token || !(client instanceof OAuth2Client)) return undefined;
  const info = await client.getTokenInfo(token).catch(() => undefined);
  return info?.email;
}

/**
 * Repeats a call once with fresh credentials if the service refuses the current ones: they may have expired or been
 * revoked since they were fetched.
 */
export async function withFreshCredentials<Result>(
  call: () => Promise<Result>,
  { isRefused, refresh }: { isRefused(thrown: unknown): boolean; refresh(): void },
): Promise<Result> {
  try {
    return await call();
  } catch (thrown) {
    if (!isRefused(thrown)) throw thrown;
    refresh();
    return call();
  }
}

class CallTimeoutError extends Error {}

/**
 * Waits for a call of a client that can't be aborted and has no timeout of its own. (The timeout options of the clients
 * for BigQuery and Cloud Storage have no effect.) The call itself continues. Throws a `CallTimeoutError`.
 */
export async function withTimeout<T>(timeoutMs: number, work: Promise<T>): Promise<T> {
  const timeout = Promise.withResolvers<never>();
  const timer = setTimeout(
    () => timeout.reject(new CallTimeoutError(`no answer within ${timeoutMs} ms`)),
    timeoutMs,
  );
  try {
    return await Promise.race([work, timeout.promise]);
  } finally {
    clearTimeout(timer);
  }
}
