import type { TokenIssuer } from "./issuer.ts";

const lifetimeMs = 3_600_000;

/**
 * The Authorization header of requests in the name of a service account. A token is used for half of its life, as
 * signing is slow.
 */
export class TokenCache {
  readonly #issuer: TokenIssuer;
  readonly #tokens = new Map<string, { readonly token: Promise<string>; readonly takenAt: number }>();

  constructor(issuer: TokenIssuer) {
    this.#issuer = issuer;
  }

  async authorization(email: string, audience: string): Promise<string> {
    const key = JSON.stringify([email, audience]);
    let cached = this.#tokens.get(key);
    if (!cached || Date.now() - cached.takenAt > lifetimeMs / 2) {
      cached = { token: this.#issuer.token({ audience, email }), takenAt: Date.now() };
      this.#tokens.set(key, cached);
    }
    return `Bearer ${await cached.token}`;
  }
}
