import * as z from "zod";
import { BatonError } from "../../core/errors/errors.ts";
import type { CallerCheck } from "../../ports/machine.ts";
import { TokenVerifier } from "./token-verifier.ts";

export interface OidcSettings {
  /** Required audience of the token: the URL of the function, or another one that its push subscriptions are set to. */
  readonly audience: string;
  /** E-mail addresses of the accounts that may call. */
  readonly callers: readonly string[];
  readonly issuer: string;
  /** Where the issuer publishes its keys. */
  readonly keysUrl: string;
}

/** Source: https://accounts.google.com/.well-known/openid-configuration */
export const googleIssuer = {
  issuer: "https://accounts.google.com",
  keysUrl: "https://www.googleapis.com/oauth2/v3/certs",
} as const;

const ClaimsSchema = z.object({ email: z.string(), email_verified: z.literal(true) });

/** Requires an OIDC token that the issuer has signed for this audience and for one of the allowed accounts. */
export class OidcCallerCheck implements CallerCheck {
  readonly #callers: readonly string[];
  readonly #verifier: TokenVerifier;

  constructor({ callers, ...token }: OidcSettings) {
    this.#callers = callers;
    this.#verifier = new TokenVerifier({ ...token, algorithm: "RS256" });
  }

  async check(authorization: string | undefined): Promise<void> {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) throw callerRefused("The request has no bearer token");
    const verified = await this.#verifier.verify(token);
    if ("refused" in verified) throw callerRefused(verified.refused);
    const claims = ClaimsSchema.safeParse(verified.claims);
    if (!claims.success) throw callerRefused("The token names no verified account");
    const { email } = claims.data;
    if (!this.#callers.includes(email)) throw callerRefused(`${email} may not call`);
  }
}

function callerRefused(reason: string): BatonError {
  return new BatonError("CALLER_REFUSED", reason);
}
