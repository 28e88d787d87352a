import type { INetworkModule, NetworkRequestOptions, NetworkResponse } from "@azure/msal-node";
import * as z from "zod";
import { jsonIn } from "../../core/json.ts";
import { exchange, rootMessageOf } from "../remote/exchange.ts";
import { AnyObjectSchema, answerOf } from "../remote/service-answer.ts";

const timeoutMs = 30_000;
/** How the identity platform refuses. */
const RefusalSchema = z.looseObject({ error: z.string() });

/**
 * How the client of the identity service reaches it. That client speaks of https alone; an authority that is configured
 * with http (one on this machine) is reached by http all the same.
 */
export class TokenNetwork implements INetworkModule {
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
    const sent = method === "POST" ? body : undefined;
    const answer = await exchange({ url: this.#reached(url), method, headers, body: sent, timeoutMs });
    // The client parses and checks what it is given; of a broken service, or a proxy, it is not given anything.
    if (answer.status >= 500) throw new Error(`the answer is ${answer.status}`);
    const isRefused = answer.status >= 400;
    const parsed = answerOf(isRefused ? RefusalSchema : AnyObjectSchema, jsonIn(answer.body) ?? answer.body);
    this.lastStatus = answer.status;
    return { status: answer.status, headers: Object.fromEntries(answer.headers), body: parsed as Body };
  }

  #reached(url: string): URL {
    const target = new URL(url);
    if (target.host === this.#authority.host) target.protocol = this.#authority.protocol;
    return target;
  }
}
