import type { JWTVerifyGetKey } from "jose";
import { errorMessage } from "../../core/errors/errors.ts";

interface TokenSettings {
  readonly audience: string;
  readonly issuer: string;
  /** Where the issuer publishes its keys. */
  readonly keysUrl: string;
  /** The only one that is accepted: a token may not choose. */
  readonly algorithm: "RS256" | "ES256";
}

/** Identity-Aware Proxy. Source: https://cloud.google.com/iap/docs/signed-headers-howto */
export const iapIssuer = {
  issuer: "https://cloud.google.com/iap",
  keysUrl: "https://www.gstatic.com/iap/verify/public_key-jwk",
} as const;

type Verified = { readonly claims: unknown } | { readonly refused: string };

/** Verifies tokens of one issuer. The keys are read at the first token, and again when a new one signs. */
export class TokenVerifier {
  readonly #settings: TokenSettings;
  #keys: JWTVerifyGetKey | undefined;

  constructor(settings: TokenSettings) {
    this.#settings = settings;
  }

  /** Throws if the keys can't be fetched: then nothing is known about the token. */
  async verify(token: string): Promise<Verified> {
    const { createRemoteJWKSet, errors, jwtVerify } = await import("jose");
    const { audience, issuer, keysUrl, algorithm } = this.#settings;
    this.#keys ??= createRemoteJWKSet(new URL(keysUrl));
    try {
      const { payload } = await jwtVerify(token, this.#keys, {
        audience,
        issuer,
        algorithms: [algorithm],
        requiredClaims: ["exp", "iat"],
      });
      return { claims: payload };
    } catch (thrown) {
      const isAboutKeys = thrown instanceof errors.JWKSTimeout || thrown instanceof errors.JWKSInvalid;
      const isAboutToken = thrown instanceof errors.JOSEError && !isAboutKeys;
      if (isAboutToken && thrown.code !== "ERR_JOSE_GENERIC") return { refused: errorMessage(thrown) };
      throw thrown;
    }
  }
}
