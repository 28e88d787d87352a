import type { HttpRequest, RequestSecrets } from "../../ports/http-client.ts";

/** The parts of a request that a redirect may change. */
export type Hop = Pick<HttpRequest, "method" | "body" | "headers"> & { readonly url: URL };

/** What may be told to another origin: never what somebody may use to prove who he is. */
const tellable: ReadonlySet<string> = new Set([
  "accept",
  "accept-language",
  "content-type",
  "idempotency-key",
  "user-agent",
]);
const describesBody: ReadonlySet<string> = new Set(["content-type", "content-length", "content-encoding"]);

export function isRedirect(status: number): boolean {
  return [301, 302, 303, 307, 308].includes(status);
}

/**
 * The request that follows a redirect, by the rules of fetch, except that another origin is told less. Undefined: its
 * body or address would tell another origin a secret.
 */
export function nextHop(hop: Hop, status: number, url: URL, secrets?: RequestSecrets): Hop | undefined {
  const dropsBody = (status === 303 && hop.method !== "HEAD") || (status < 303 && hop.method === "POST");
  const sameOrigin = url.origin === hop.url.origin;
  const mayTell = (text: string) => sameOrigin || !secrets?.isIn(text);
  const body = dropsBody ? undefined : hop.body;
  if (!mayTell(url.href) || !mayTell(body ?? "")) return undefined;
  const headers = Object.entries(hop.headers).filter(([name, value]) => {
    const lower = name.toLowerCase();
    const isTold = (sameOrigin || tellable.has(lower)) && mayTell(value);
    return isTold && !(dropsBody && describesBody.has(lower));
  });
  return { url, method: dropsBody ? "GET" : hop.method, body, headers: Object.fromEntries(headers) };
}
