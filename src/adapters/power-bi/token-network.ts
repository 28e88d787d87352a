import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from "@azure/msal-node";
import { messageOf } from "../../core/errors.ts";

const timeoutSeconds = 30;

/**
 * How the client of the identity service reaches it. That client speaks of https alone; an authority that is configured
 * with http (one on this machine) is reached by http all the same.
 */
export class TokenNetwork implements INetworkModule {
  readonly #authority: URL;
  /** Of the last answer; 0 when none came. */
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
      this.lastProblem = `${method} ${new URL(url).pathname}: ${rootMessageOf(error)}`;
      throw error;
    }
  }

  async #exchange<Body>(
    method: string,
    url: string,
    headers: Record<string, string>,
    body: string | undefined,
  ): Promise<NetworkResponse<Body>> {
    const response = await fetch(this.#reached(url), {
      method,
      headers,
      ...(body !== undefined && method === "POST" && { body }),
      signal: AbortSignal.timeout(timeoutSeconds * 1_000),
    });
    const text = await response.text();
    this.lastStatus = response.status;
    // The client parses and checks what it is given; of a broken service it is not given anything.
    if (response.status >= 500) throw new Error(`the answer is ${response.status}`);
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: JSON.parse(text) as Body,
    };
  }

  #reached(url: string): URL {
    const target = new URL(url);
    if (target.host === this.#authority.host) target.protocol = this.#authority.protocol;
    return target;
  }
}

/** fetch wraps what the connection threw. */
export function rootMessageOf(error: unknown): string {
  return error instanceof Error && error.cause !== undefined ? rootMessageOf(error.cause) : messageOf(error);
}
