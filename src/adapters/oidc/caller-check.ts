import type { JWTVerifyGetKey } from "jose";
import * as z from "zod";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import type { CallerCheck } from "../../ports/machine.ts";

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
  readonly #settings: OidcSettings;
  #keys: JWTVerifyGetKey | undefined;

  constructor(settings: OidcSettings) {
    this.#settings = settings;
  }

  async check(authorization: string | undefined): Promise<void> {
    const token = /^Bearer (\S+)$/i.exec(authorization ?? "")?.[1];
    if (token === undefined) throw callerRefused("The request has no bearer token");
    const claims = ClaimsSchema.safeParse(await this.#verify(token));
    if (!claims.success) throw callerRefused("The token names no verified account");
    const { email } = claims.data;
    if (!this.#settings.callers.includes(email)) throw callerRefused(`${email} may not call`);
  }

  async #verify(token: string): Promise<unknown> {
    const { createRemoteJWKSet, errors, jwtVerify } = await import("jose");
    const { audience, issuer, keysUrl } = this.#settings;
    this.#keys ??= createRemoteJWKSet(new URL(keysUrl));
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        audience,
        issuer,
        algorithms: ["RS256"],
        requiredClaims: ["exp", "iat"],
      });
      return payload;
    } catch (thrown) {
      // If the keys can't be fetched, the caller is not refused: the error is a failure of the request.
      const isAboutKeys = thrown instanceof errors.JWKSTimeout || thrown instanceof errors.JWKSInvalid;
      const isAboutToken = thrown instanceof errors.JOSEError && !isAboutKeys;
      if (isAboutToken && thrown.code !== "ERR_JOSE_GENERIC") throw callerRefused(errorMessage(thrown));
      throw thrown;
    }
  }
}

function callerRefused(reason: string): BatonError {
  return new BatonError("CALLER_REFUSED", reason);
}
