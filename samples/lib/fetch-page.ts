import { createHash } from "node:crypto";
import { type TaskContext, TaskError } from "baton-dag";
import { crawlDelaySeconds, isAllowed } from "./polite-fetch.ts";

export interface FetchedPage {
  /** Where it was found, after redirects. */
  readonly url: string;
  readonly html: string;
  /** Of its text: names what is made of it. */
  readonly digest: string;
}

type Tools = Pick<TaskContext, "step" | "services" | "signal">;

const userAgent = "BatonSample/1.0";
const timeoutSeconds = 20;
const mostPageBytes = 4 * 1_024 * 1_024;
const mostRedirects = 5;
/** A robots.txt that asks for more than an hour between two requests is mistaken. */
const longestDelaySeconds = 3_600;

/**
 * A page, if the robots.txt of its site lets us have it, after the delay that it asks for; the same for each redirect.
 * Every request is a step. Throws TaskErrors: `ROBOTS_FORBID`, `PAGE_UNAVAILABLE`, and what the HTTP client throws.
 */
export async function fetchPage(tools: Tools, address: string): Promise<FetchedPage> {
  const known = new Map<string, string>();
  let url = new URL(address);
  for (let hop = 0; hop <= mostRedirects; hop += 1) {
    // Stored steps outlive a batch that failed: the next one may ask for another address.
    const place = `${hop} ${digest(url.href)}`;
    const robots =
      known.get(url.origin) ??
      (await tools.step(`robots.txt ${place}`, () => fetchRobots(tools, url.origin)));
    known.set(url.origin, robots);
    if (!isAllowed(robots, userAgent, url.pathname + url.search))
      throw refusal("ROBOTS_FORBID", `The robots.txt of ${url.origin} forbids ${url.pathname}`, false);
    const delay = Math.min(crawlDelaySeconds(robots, userAgent) ?? 0, longestDelaySeconds);
    if (delay > 0) await tools.step.sleep(`delay ${place}`, `${Math.ceil(delay * 1_000)}ms`);
    const { html, redirect } = await tools.step(`page ${place}`, () => fetchHop(tools, url));
    if (redirect === null) return { url: url.href, html, digest: digest(html) };
    url = new URL(redirect);
  }
  throw refusal("PAGE_UNAVAILABLE", `${address} redirects more than ${mostRedirects} times`, false);
}

/** Without a robots.txt everything is allowed; when the site can't say, nothing is (RFC 9309). */
async function fetchRobots(tools: Tools, origin: string): Promise<string> {
  const { status, body } = await get(tools, `${origin}/robots.txt`, true);
  if (status >= 200 && status <= 299) return body;
  if (status >= 400 && status <= 499 && status !== 429) return "";
  throw refusal("PAGE_UNAVAILABLE", `${origin}/robots.txt answered ${status}`, true);
}

async function fetchHop(
  tools: Tools,
  url: URL,
): Promise<{ readonly html: string; readonly redirect: string | null }> {
  const { status, headers, body } = await get(tools, url.href, false);
  const place = `${url.origin}${url.pathname}`;
  const redirect = status >= 300 && status <= 399 ? URL.parse(headers.location ?? "", url.href) : null;
  if (redirect) return { html: "", redirect: redirect.href };
  if (status !== 200) {
    const mayPass = status >= 500 || [408, 425, 429].includes(status);
    throw refusal("PAGE_UNAVAILABLE", `${place} answered ${status}`, mayPass);
  }
  const type = headers["content-type"] ?? "";
  if (!/^(text\/(html|plain)|application\/xhtml\+xml)\b/i.test(type))
    throw refusal("PAGE_UNAVAILABLE", `${place} is no page but "${type}"`, false);
  return { html: body, redirect: null };
}

function get({ services, signal }: Tools, url: string, followRedirects: boolean) {
  return services.http.request({
    url,
    method: "GET",
    headers: { accept: "text/html, text/plain;q=0.5", "user-agent": userAgent },
    body: undefined,
    timeoutSeconds,
    maxResponseBytes: mostPageBytes,
    followRedirects,
    signal,
  });
}

/** An address may be longer than the name of a step. */
function digest(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 16);
}

function refusal(code: string, message: string, retryable: boolean): TaskError {
  return new TaskError(message, { code, retryable });
}
