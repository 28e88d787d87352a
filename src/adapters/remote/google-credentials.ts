import type { AuthClient, GoogleAuth } from "google-auth-library";
import { messageOf } from "../../core/errors.ts";
import { GoogleRefusal } from "../../ports/google-rest.ts";
import { NoAnswerError, within } from "./within.ts";

export interface CredentialsOptions {
  /** What the tokens are for. Default: whatever the account may do. */
  readonly scope?: string;
  /** How long a token is waited for. The library itself waits for ever on Google Cloud. Default: 30 seconds. */
  readonly timeoutMs?: number;
}

/** The credentials of the environment, as all clients of Google's find them. Loaded at their first use. */
export class Credentials {
  readonly #scope: string;
  readonly #timeoutMs: number;
  #auth: Promise<GoogleAuth> | undefined;

  constructor(options: CredentialsOptions = {}) {
    this.#scope = options.scope ?? "https://www.googleapis.com/auth/cloud-platform";
    this.#timeoutMs = options.timeoutMs ?? 30_000;
  }

  /** Throws a `GoogleRefusal`: 401 when there are none, 0 when no token comes in time. */
  async headers(): Promise<Record<string, string>> {
    try {
      const auth = await this.#open();
      return Object.fromEntries(await within(this.#timeoutMs, auth.getRequestHeaders()));
    } catch (error) {
      if (error instanceof NoAnswerError)
        throw new GoogleRefusal(0, `No token came: ${error.message}`, { cause: error });
      throw new GoogleRefusal(401, `There are no credentials: ${messageOf(error)}`, { cause: error });
    }
  }

  /** The next call fetches a token of its own: that of the last one is not taken any more. */
  forget(): void {
    this.#auth = undefined;
  }

  /** Whose they are: an e-mail address, or undefined when they don't say. Throws a `GoogleRefusal` when there are none. */
  async account(): Promise<string | undefined> {
    await this.headers();
    const auth = await this.#open();
    // Those of a person name nobody, and some other kinds refuse to be asked.
    const body = await auth.getCredentials().catch(() => undefined);
    return body?.client_email ?? (await personOf(auth));
  }

  #open(): Promise<GoogleAuth> {
    this.#auth ??= import("google-auth-library").then(
      ({ GoogleAuth }) => new GoogleAuth({ scopes: [this.#scope] }),
    );
    return this.#auth;
  }
}

/** What a client is given that calls a local server in Google's place. */
export async function noCredentials(): Promise<AuthClient> {
  const { PassThroughClient } = await import("google-auth-library");
  return new PassThroughClient();
}

/** Google tells whose token it is, when the token may say so. */
async function personOf(auth: GoogleAuth): Promise<string | undefined> {
  const { OAuth2Client } = await import("google-auth-library");
  const client = await auth.getClient();
  const { token } = await client.getAccessToken();
  if (!token || !(client instanceof OAuth2Client)) return undefined;
  const told = await client.getTokenInfo(token).catch(() => undefined);
  return told?.email;
}
