import { randomBytes } from "node:crypto";
import * as z from "zod";
import { errorMessage } from "../../core/errors/errors.ts";
import type { PageAccess, PageRequest, PageResponse, Refusal, Visitor } from "../../ports/pages.ts";
import { TokenVerifier } from "./token-verifier.ts";

export interface IapSettings {
  /** `/projects/<number>/locations/<region>/services/<service>`: the service that IAP has let a person into. */
  readonly audience: string;
  /** E-mail addresses of the people who may change something. All others only read. */
  readonly operators: readonly string[];
  readonly issuer: string;
  readonly keysUrl: string;
}

const ClaimsSchema = z.object({ email: z.email() });

/** Where the proxy puts its token. */
const assertionHeader = "x-goog-iap-jwt-assertion";
/** The prefix makes browsers refuse it from any other host, and without https. */
const cookieName = "__Host-baton-session";

/**
 * Access for people whom Identity-Aware Proxy has let in. It signs each request; what it has not signed is refused,
 * also if the proxy has been switched off. The tokens of forms are made of a cookie, so that they outlive an instance
 * and need no secret: a page of another site neither knows the cookie nor can set it.
 */
export function iapAccess({ operators, ...token }: IapSettings): PageAccess {
  const verifier = new TokenVerifier({ ...token, algorithm: "ES256" });
  const mayAct = new Set(operators.map((operator) => operator.toLowerCase()));
  return {
    secret: token.audience,
    async identify(request): Promise<Visitor | Refusal | PageResponse> {
      const assertion = request.headers[assertionHeader];
      if (assertion === undefined) return refused("the request did not come through Identity-Aware Proxy");
      const verified = await verifier.verify(assertion).catch((thrown: unknown) => unknown(thrown));
      if ("title" in verified) return verified;
      if ("refused" in verified) return refused(verified.refused);
      const claims = ClaimsSchema.safeParse(verified.claims);
      if (!claims.success) return refused("its token names no account");
      const actor = claims.data.email.toLowerCase();
      const session = sessionOf(request);
      if (session === undefined) return startSession(request);
      return { actor, mayAct: mayAct.has(actor), session };
    },
  };
}

function refused(reason: string): Refusal {
  return {
    status: 401,
    title: "Who you are could not be verified",
    remedy: `Open the address of the console again, and sign in. The reason: ${reason}.`,
  };
}

/** The keys of the proxy can't be read: no visitor is let in until they can. */
function unknown(thrown: unknown): Refusal {
  return {
    status: 503,
    title: "Who you are can't be verified now",
    remedy: `The keys of Identity-Aware Proxy can't be read (${errorMessage(thrown)}). Try again in a minute.`,
  };
}

function sessionOf({ headers }: PageRequest): string | undefined {
  const pairs = (headers.cookie ?? "").split(";").map((pair) => pair.trim());
  const value = pairs.find((pair) => pair.startsWith(`${cookieName}=`))?.slice(cookieName.length + 1);
  return value !== undefined && /^[\w-]{24,}$/.test(value) ? value : undefined;
}

/**
 * Sends the browser to the same page with a cookie. `Lax`: browsers leave out a strict cookie when the proxy's sign-in
 * page has led here, and this would never end.
 */
function startSession({ method, url }: PageRequest): Refusal | PageResponse {
  if (method !== "GET")
    return {
      status: 401,
      title: "This browser has no session",
      remedy: "Open the console again, and repeat the change there. It needs cookies.",
    };
  const cookie = `${cookieName}=${randomBytes(24).toString("base64url")}; Path=/; Secure; HttpOnly; SameSite=Lax`;
  return {
    status: 303,
    headers: { location: ownPath(url), "set-cookie": cookie, "cache-control": "no-store" },
    body: new Uint8Array(),
  };
}

/** Never the address of another host, such as `//host`. */
function ownPath(url: string): string {
  return /^\/(?![/\\])/.test(url) ? url : "/";
}
