import { exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";
import { expect, onTestFinished, test } from "vitest";
import { OidcCallerCheck } from "../../src/adapters/oidc/caller-check.ts";
import { noFaults } from "../servers/kit/faults.ts";
import { serveTestHttp } from "../servers/kit/http-server.ts";

const audience = "https://baton.example";
const email = "push@p.iam.gserviceaccount.com";
const issuer = "https://issuer.example";

/** Signs any claims with a published key. */
async function signer() {
  const { publicKey, privateKey } = await generateKeyPair("RS256");
  const keys = [{ ...(await exportJWK(publicKey)), alg: "RS256", use: "sig", kid: "k" }];
  const handle = () => ({ status: 200, body: { keys } });
  const server = await serveTestHttp({ service: "keys", faults: noFaults, handle });
  onTestFinished(() => server.close());
  const check = new OidcCallerCheck({ audience, callers: [email], issuer, keysUrl: server.url });
  return async (claims: JWTPayload) => {
    const token = await new SignJWT(claims).setProtectedHeader({ alg: "RS256", kid: "k" }).sign(privateKey);
    return check.check(`Bearer ${token}`);
  };
}

const now = Math.floor(Date.now() / 1_000);
const whole = { iss: issuer, aud: audience, email, email_verified: true, iat: now, exp: now + 3_600 };

test("a token with everything in it is let in", async () => {
  const show = await signer();
  await expect(show(whole)).resolves.toBeUndefined();
});

test.each([
  ["an end", "exp", /exp/],
  ["a beginning", "iat", /iat/],
  ["an issuer", "iss", /iss/],
  ["an audience", "aud", /aud/],
  ["an account", "email", /verified account/],
  ["word that the account is verified", "email_verified", /verified account/],
])("a token without %s is refused", async (_, claim, message) => {
  const show = await signer();
  const claims = Object.fromEntries(Object.entries(whole).filter(([name]) => name !== claim));
  await expect(show(claims)).rejects.toMatchObject({
    code: "CALLER_REFUSED",
    message: expect.stringMatching(message),
  });
});

test("an account that is not verified is refused", async () => {
  const show = await signer();
  await expect(show({ ...whole, email_verified: false })).rejects.toMatchObject({ code: "CALLER_REFUSED" });
});
