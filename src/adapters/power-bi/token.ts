import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from "@azure/msal-node";
import * as z from "zod";
import { errorMessage, TaskError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { tryParseJson } from "../../core/values/json.ts";
import { truncate } from "../../core/values/text.ts";
import { rootCauseMessage, sendRequest } from "../remote/http-request.ts";
import { AnyObjectSchema, parseResponse } from "../remote/service-response.ts";

const timeoutMs = 30_000;
/** How the identity platform refuses. */
const RefusalSchema = z.looseObject({ error: z.string() });

/**
 * How the client of the identity service reaches it. That client speaks of https alone; an authority that is configured
 * with http (one on this machine) is reached by http all the same.
 */
class TokenNetwork implements INetworkModule {
  readonly #authority: URL;
  /** Of the last answer; 0 when none came, or one that is not the service's. */
  lastStatus = 0;
  /** Why the last request failed, which the client does not pass on. */
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
      return await this.#exchange<Body>(method, url, headers, body);
    } catch (error) {
      this.lastProblem = `${method} ${new URL(url).pathname}: ${rootCauseMessage(error)}`;
      throw error;
    }
  }

  async #exchange<Body>(
    method: string,
    url: string,
    headers: Record<string, string>,
    body: string | undefined,
  ): Promise<NetworkResponse<Body>> {
    const sent = method === "POST" ? body : undefined;
    const answer = await sendRequest({ url: this.#reached(url), method, headers, body: sent, timeoutMs });
    // The client parses and checks what it is given; of a broken service, or a proxy, it is not given anything.
    if (answer.status >= 500) throw new Error(`the answer is ${answer.status}`);
    const isRefused = answer.status >= 400;
    const parsed = parseResponse(
      isRefused ? RefusalSchema : AnyObjectSchema,
      tryParseJson(answer.body) ?? answer.body,
    );
    this.lastStatus = answer.status;
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: parsed as Body };
  }

  #reached(url: string): URL {
    const target = new URL(url);
    if (target.host === this.#authority.host) target.protocol = this.#authority.protocol;
    return target;
  }
}

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
      throw this.#failure(this.#network.lastProblem ?? errorMessage(error));
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
    const shown = truncate(
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
