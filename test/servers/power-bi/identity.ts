import { randomUUID } from "node:crypto";
import type { HttpCall, HttpReply } from "../kit/http-server.ts";

export interface Principal {
  readonly tenantId: string;
  readonly clientId: string;
  readonly clientSecret: string;
}

/**
 * The part of the Microsoft identity platform that a service principal needs: the tenant's metadata and tokens for
 * client credentials. Its client takes no address but https ones, so that is how the metadata names them.
 */
export class Identity {
  readonly #principal: Principal;
  readonly #tokens = new Set<string>();

  constructor(principal: Principal) {
    this.#principal = principal;
  }

  knows(authorization: string | undefined): boolean {
    return this.#tokens.has((authorization ?? "").replace(/^Bearer /, ""));
  }

  /** No token is good any more. */
  forget(): void {
    this.#tokens.clear();
  }

  /** Undefined: the call is none of the identity platform's. */
  answer(call: HttpCall): HttpReply | undefined {
    const [, tenant, rest] =
      /^\/([^/]+)(\/v2\.0\/\.well-known\/openid-configuration|\/oauth2\/v2\.0\/token)$/.exec(call.path) ?? [
        undefined,
        undefined,
        undefined,
      ];
    if (tenant === undefined) return undefined;
    if (tenant !== this.#principal.tenantId)
      return refusal(400, "invalid_tenant", `AADSTS90002: Tenant '${tenant}' not found.`);
    if (!rest?.endsWith("/token")) return metadata(call, tenant);
    return isForm(call)
      ? this.#token(call)
      : refusal(400, "invalid_request", "AADSTS900144: The request body has to be a form.");
  }

  #token(call: HttpCall): HttpReply {
    const form = new URLSearchParams(call.body.toString());
    const { clientId, clientSecret } = this.#principal;
    if (form.get("grant_type") !== "client_credentials")
      return refusal(400, "unsupported_grant_type", "AADSTS70003: The grant type is not supported.");
    if (form.get("scope")?.split(" ").includes("https://analysis.windows.net/powerbi/api/.default") !== true)
      return refusal(400, "invalid_scope", "AADSTS70011: The provided scope is not valid.");
    if (form.get("client_id") !== clientId)
      return refusal(
        400,
        "unauthorized_client",
        "AADSTS700016: The application was not found in the directory.",
      );
    // Repeats what it was sent, as no service should, so that tests find where it would be shown.
    if (form.get("client_secret") !== clientSecret)
      return refusal(
        401,
        "invalid_client",
        `AADSTS7000215: Invalid client secret provided: ${form.get("client_secret")}`,
      );
    const access_token = `token-${randomUUID()}`;
    this.#tokens.add(access_token);
    return {
      status: 200,
      body: { token_type: "Bearer", expires_in: 3_599, ext_expires_in: 3_599, access_token },
    };
  }
}

function isForm({ method, headers }: HttpCall): boolean {
  return method === "POST" && /^application\/x-www-form-urlencoded\b/.test(headers["content-type"] ?? "");
}

function metadata({ headers }: HttpCall, tenant: string): HttpReply {
  const base = `https://${headers.host}/${tenant}`;
  return {
    status: 200,
    body: {
      issuer: `${base}/v2.0`,
      authorization_endpoint: `${base}/oauth2/v2.0/authorize`,
      token_endpoint: `${base}/oauth2/v2.0/token`,
      end_session_endpoint: `${base}/oauth2/v2.0/logout`,
      jwks_uri: `${base}/discovery/v2.0/keys`,
    },
  };
}

function refusal(status: number, error: string, error_description: string): HttpReply {
  return { status, body: { error, error_description, error_codes: [], correlation_id: randomUUID() } };
}
