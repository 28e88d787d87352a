import type { INetworkModule } from "@azure/msal-node";
import { messageOf, TaskError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { shortened } from "../../core/short-text.ts";
import { TokenNetwork } from "./token-network.ts";

export interface PowerBiCredentials {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Origin of the identity service. Default `https://login.microsoftonline.com`. */
  readonly authority?: string | undefined;
}

const scopes = ["https://analysis.windows.net/powerbi/api/.default"];
const defaultAuthority = "https://login.microsoftonline.com";

interface Application {
  acquireTokenByClientCredential(request: {
    scopes: string[];
    skipCache: boolean;
  }): Promise<{ readonly accessToken: string } | null>;
}

/** Tokens of a service principal. The client of the identity service is loaded at the first use, and keeps its token. */
export class TokenSource {
  readonly #credentials: PowerBiCredentials;
  readonly #network: TokenNetwork;
  #application: Promise<Application> | undefined;

  constructor(credentials: PowerBiCredentials) {
    this.#credentials = credentials;
    this.#network = new TokenNetwork(credentials.authority ?? defaultAuthority);
  }

  /**
   * `isFresh`: fetched now, not the one that is kept. Throws `POWER_BI_DENIED` and `POWER_BI_UNAVAILABLE`, which
   * never show the secret.
   */
  async token({ isFresh }: { readonly isFresh: boolean }): Promise<string> {
    try {
      this.#application ??= this.#load();
      const answer = await (await this.#application).acquireTokenByClientCredential({
        scopes,
        skipCache: isFresh,
      });
      if (answer) return answer.accessToken;
    } catch (error) {
      throw this.#failure(this.#network.lastProblem ?? messageOf(error));
    }
    throw this.#failure("no token was given");
  }

  async #load(): Promise<Application> {
    const { ConfidentialClientApplication } = await import("@azure/msal-node");
    const { tenantId, clientId, clientSecret, authority = defaultAuthority } = this.#credentials;
    const { host } = new URL(authority);
    return new ConfidentialClientApplication({
      auth: {
        clientId,
        clientSecret,
        authority: `https://${host}/${tenantId}`,
        ...(authority !== defaultAuthority && { knownAuthorities: [host] }),
      },
      system: { networkClient: this.#network satisfies INetworkModule },
    });
  }

  #failure(said: string): TaskError {
    const shown = shortened(
      said.replaceAll(this.#credentials.clientSecret, "…"),
      limits.shownAnswerCharacters,
    );
    const status = this.#network.lastStatus;
    if (status >= 400 && status <= 499 && status !== 408 && status !== 429)
      return new TaskError(
        `No token for Power BI: ${shown}. Check the tenant, the client id and the secret, which may have run out`,
        { code: "POWER_BI_DENIED", retryable: false },
      );
    return new TaskError(`No token for Power BI: ${shown}`, { code: "POWER_BI_UNAVAILABLE" });
  }
}
