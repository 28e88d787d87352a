import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from "@azure/msal-node";
import * as z from "zod";
import { errorMessage, TaskError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { tryParseJson } from "../../core/values/json.ts";
import { truncate } from "../../core/values/text.ts";
import { rootCauseMessage, sendRequest } from "../remote/http-request.ts";
import { AnyObjectSchema, parseResponse } from "../remote/service-response.ts";

const timeoutMs = 30_000;
/** Error response of the identity platform. */
const RefusalSchema = z.looseObject({ error: z.string() });

/**
 * Sends the requests of Microsoft's identity client. The client uses https only; this also reaches an authority on this
 * machine that is configured with http.
 */
class TokenNetwork implements INetworkModule {
  readonly #authority: URL;
  /** Status of the last response; 0 if there was none, or one that is not from the service. */
  lastStatus = 0;
  /** Why the last request failed. The client does not pass this on. */
  lastProblem: string | undefined;

  constructor(authority: string) {
    this.#authority = new URL(authority);
  }

  sendGetRequestAsync<Body>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<Body>> {
    return this.#send("GET", url, options);
  }

  sendPostRequestAsync<Body>(url: string, options?: NetworkRequestOptions): Promise<NetworkResponse<Body>> {
    return this.#send("POST", url, options);
  }

  async #send<Body>(
    method: string,
    url: string,
    { headers = {}, body }: NetworkRequestOptions = {},
  ): Promise<NetworkResponse<Body>> {
    this.lastStatus = 0;
    this.lastProblem = undefined;
    try {
      return await this.#sendRequest<Body>(method, url, headers, body);
    } catch (error) {
      this.lastProblem = `${method} ${new URL(url).pathname}: ${rootCauseMessage(error)}`;
      throw error;
    }
  }

  async #sendRequest<Body>(
    method: string,
    url: string,
    headers: Record<string, string>,
    body: string | undefined,
  ): Promise<NetworkResponse<Body>> {
    const content = method === "POST" ? body : undefined;
    const response = await sendRequest({
      url: this.#toAuthorityUrl(url),
      method,
      headers,
      body: content,
      timeoutMs,
    });
    // The client would parse any body, so it gets none that is a server error or comes from a proxy.
    if (response.status >= 500) throw new Error(`the response has status ${response.status}`);
    const isRefused = response.status >= 400;
    const parsed = parseResponse(
      isRefused ? RefusalSchema : AnyObjectSchema,
      tryParseJson(response.body) ?? response.body,
    );
    this.lastStatus = response.status;
    return { status: response.status, headers: Object.fromEntries(response.headers), body: parsed as Body };
  }

  #toAuthorityUrl(url: string): URL {
    const target = new URL(url);
    if (target.host === this.#authority.host) target.protocol = this.#authority.protocol;
    return target;
  }
}

export interface PowerBiCredentials {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
  /** Origin of the identity service. Default: `https://login.microsoftonline.com`. */
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

/** Fetches tokens of a service principal. Microsoft's client is loaded at the first use, and caches the token. */
export class TokenSource {
  readonly #credentials: PowerBiCredentials;
  readonly #network: TokenNetwork;
  #application: Promise<Application> | undefined;

  constructor(credentials: PowerBiCredentials) {
    this.#credentials = credentials;
    this.#network = new TokenNetwork(credentials.authority ?? defaultAuthority);
  }

  /**
   * `isFresh`: fetch a token even if one is cached. Throws `POWER_BI_DENIED` and `POWER_BI_UNAVAILABLE`, which never
   * show the secret.
   */
  async token({ isFresh }: { readonly isFresh: boolean }): Promise<string> {
    try {
      this.#application ??= this.#load();
      const response = await (await this.#application).acquireTokenByClientCredential({
        scopes,
        skipCache: isFresh,
      });
      if (response) return response.accessToken;
    } catch (error) {
      throw this.#failure(this.#network.lastProblem ?? errorMessage(error));
    }
    throw this.#failure("the response has no token");
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

  #failure(reason: string): TaskError {
    const shown = truncate(
      reason.replaceAll(this.#credentials.clientSecret, "…"),
      limits.shownAnswerCharacters,
    );
    const status = this.#network.lastStatus;
    if (status >= 400 && status <= 499 && status !== 408 && status !== 429)
      return new TaskError(
        `No token for Power BI: ${shown}. Check the tenant, the client id and the secret, which may have expired`,
        { code: "POWER_BI_DENIED", retryable: false },
      );
    return new TaskError(`No token for Power BI: ${shown}`, { code: "POWER_BI_UNAVAILABLE" });
  }
}
