import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { isLoopbackHost } from "../core/values/text.ts";
import type { PageAccess, PageRequest, PageResponse, Refusal, Visitor } from "../ports/pages.ts";
import { html } from "./html.ts";
import { plainPage } from "./responses.ts";

/** How long a browser stays signed in. */
const cookieSeconds = 30 * 24 * 3600;

export interface LocalAccessOptions {
  /** Outlives the process, so that a browser stays signed in when the server starts again. */
  readonly secret: string;
  /** The user of this machine. */
  readonly actor: string;
  /** Called with the token of the next sign-in, first at once and then whenever a token was used. */
  readonly onToken: (token: string) => void;
}

/**
 * Access for the user of this machine. A token that works once becomes a cookie. The cookie alone is not enough for a
 * change: see `isOwnForm`.
 */
export function localAccess({ secret, actor, onToken }: LocalAccessOptions): PageAccess {
  let token = "";
  const renew = () => {
    token = randomBytes(18).toString("base64url");
    onToken(token);
  };
  renew();
  // Cookies of one host are shared by its ports: each Baton has a name of its own.
  const cookieName = `baton-${sign(secret, "cookie name").slice(0, 10)}`;
  return {
    secret,
    async identify(request): Promise<Visitor | Refusal | PageResponse> {
      if (!isLoopbackHost(request.headers.host)) return foreignHost;
      const url = new URL(request.url, "http://localhost");
      const given = url.searchParams.get("token");
      if (request.method === "GET" && given !== null && isEqual(given, token)) {
        renew();
        return signIn(cookieName, newSession(secret));
      }
      const session = cookieOf(request, cookieName);
      if (session === undefined || !isSession(secret, session)) return signedOut;
      return { actor, mayAct: true, session };
    },
  };
}

const foreignHost: Refusal = {
  status: 403,
  title: "This address is not a name of this machine",
  remedy: "Open the console as http://localhost or http://127.0.0.1, with the port that the command printed.",
};

const signedOut: Refusal = {
  status: 401,
  title: "This browser is not signed in",
  remedy:
    "Open the address that the command printed last. It holds a token that works once; after each use the command " +
    "prints the next one.",
};

/**
 * A page that loads the console. A redirect would be part of the navigation that another program started, for which
 * browsers leave out a strict cookie.
 */
function signIn(cookieName: string, session: string): PageResponse {
  const body = html`<meta http-equiv="refresh" content="0;url=/"><p>Signed in. <a href="/">Open the console</a></p>`;
  const cookie = `${cookieName}=${session}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${cookieSeconds}`;
  return plainPage(200, "Signed in", body, { "set-cookie": cookie });
}

function newSession(secret: string): string {
  const id = `${Date.now().toString(36)}.${randomBytes(12).toString("base64url")}`;
  return `${id}.${sign(secret, `session ${id}`)}`;
}

function isSession(secret: string, session: string): boolean {
  const [startedAt = "", random = "", signature = ""] = session.split(".");
  const isYoung = Date.now() - Number.parseInt(startedAt, 36) < cookieSeconds * 1_000;
  return isYoung && isEqual(signature, sign(secret, `session ${startedAt}.${random}`));
}

function cookieOf({ headers }: PageRequest, name: string): string | undefined {
  const pairs = (headers.cookie ?? "").split(";").map((pair) => pair.trim());
  return pairs.find((pair) => pair.startsWith(`${name}=`))?.slice(name.length + 1);
}

function sign(secret: string, text: string): string {
  return createHmac("sha256", secret).update(text).digest("base64url");
}

function isEqual(one: string, other: string): boolean {
  const [first, second] = [Buffer.from(one), Buffer.from(other)];
  return first.length === second.length && timingSafeEqual(first, second);
}

/** The token of the forms of a session: a page of another site does not know it. */
export function formToken({ secret }: PageAccess, { session }: Visitor): string {
  return sign(secret, `form ${session}`);
}

/**
 * Whether a change comes from a form or the script of the console: the browser says that the request is of this origin,
 * and the form knows the token of its session.
 */
export function isOwnForm(request: PageRequest, expected: string, given: string | null): boolean {
  const { origin, host } = request.headers;
  if (origin === undefined || !URL.canParse(origin) || new URL(origin).host !== host) return false;
  return given !== null && isEqual(given, expected);
}
