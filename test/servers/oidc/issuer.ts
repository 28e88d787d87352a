import { createHash } from "node:crypto";
import { exportJWK, generateKeyPair, type JWK, SignJWT } from "jose";
import { noFaults } from "../kit/faults.ts";
import { failure, serveTestHttp } from "../kit/http-server.ts";

interface TokenRequest {
  readonly audience: string;
  /** Of the service account that the token speaks for. */
  readonly email: string;
  /** Default 3600. Negative: it has expired already. */
  readonly expiresInSeconds?: number;
  /** Default: this issuer. */
  readonly issuer?: string;
  /** `other`: signed with a key that is not among the published ones, under the name of one that is. */
  readonly key?: "other";
}

export interface TokenIssuer {
  readonly issuer: string;
  /** Where the public keys are. */
  readonly jwksUrl: string;
  token(request: TokenRequest): Promise<string>;
  close(): Promise<void>;
}

const keyId = "the-key";

/**
 * Issues the OIDC tokens that Google's services put on their requests, and serves the public keys to check them with.
 * Left out: the discovery document, several keys and their rotation.
 */
export async function startTokenIssuer({
  port = 0,
  algorithm = "RS256",
}: {
  port?: number;
  /** Identity-Aware Proxy signs with ES256. */
  algorithm?: "RS256" | "ES256";
} = {}): Promise<TokenIssuer> {
  const [published, other] = await Promise.all([generateKeyPair(algorithm), generateKeyPair(algorithm)]);
  const jwk: JWK = { ...(await exportJWK(published.publicKey)), alg: algorithm, use: "sig", kid: keyId };
  const server = await serveTestHttp({
    service: "oidc",
    faults: noFaults,
    port,
    handle: ({ path }) =>
      path === "/certs" ? { status: 200, body: { keys: [jwk] } } : failure(404, `Nothing at ${path}`),
  });
  return {
    issuer: server.url,
    jwksUrl: `${server.url}/certs`,
    token({ audience, email, expiresInSeconds = 3600, issuer = server.url, key }) {
      const now = Math.floor(Date.now() / 1000);
      return new SignJWT({ email, email_verified: true, azp: subjectOf(email) })
        .setProtectedHeader({ alg: algorithm, kid: keyId, typ: "JWT" })
        .setIssuer(issuer)
        .setAudience(audience)
        .setSubject(subjectOf(email))
        .setIssuedAt(Math.min(now, now + expiresInSeconds))
        .setExpirationTime(now + expiresInSeconds)
        .sign(key === "other" ? other.privateKey : published.privateKey);
    },
    close: () => server.close(),
  };
}

/** Google's subjects are numbers of 21 digits. */
function subjectOf(email: string): string {
  const digest = createHash("sha256").update(email).digest("hex");
  return BigInt(`0x${digest}`).toString().slice(0, 21);
}
