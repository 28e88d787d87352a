import type { CheerioAPI } from "cheerio";
import { textWithin } from "./html-text.ts";
import type { Organisation } from "./organisation.ts";

export interface Contacts {
  readonly emails: readonly string[];
  readonly phones: readonly string[];
  readonly socials: readonly string[];
}

const networks = [
  "linkedin.com",
  "x.com",
  "twitter.com",
  "facebook.com",
  "instagram.com",
  "youtube.com",
  "tiktok.com",
  "github.com",
  "xing.com",
  "mastodon.social",
  "bsky.app",
];

/** Buttons that share the page, which name the network but not the company. */
const sharing = /^\/(share|sharer|sharer\.php|intent|shareArticle|sharing|dialog)\b/i;

const email = /[a-z0-9][a-z0-9._%+-]{0,63}@(?:[a-z0-9-]{1,63}\.){1,8}[a-z]{2,24}/gi;

/** How to reach the company: from structured data, then from links, and emails from the text too. No entry twice. */
export function contactsOf($: CheerioAPI, url: string, organisation: Organisation): Contacts {
  const links = $("a[href]")
    .toArray()
    .map((link) => ($(link).attr("href") ?? "").trim());
  const written = [...textWithin($.root().toArray()).matchAll(email)].map(([found]) => found);
  const emails = [...organisation.emails, ...schemeOf("mailto", links), ...written];
  const phones = [...organisation.phones, ...schemeOf("tel", links)];
  const profiles = [...organisation.profiles, ...links].flatMap((link) => profileOf(link, url));
  return {
    emails: unique(emails, (address) => address.toLowerCase()).map((address) => address.toLowerCase()),
    phones: unique(phones, (phone) => phone.replaceAll(/[^\d+]/g, "")),
    socials: unique(profiles, (profile) => profile),
  };
}

function schemeOf(scheme: string, links: readonly string[]): readonly string[] {
  return links
    .filter((link) => link.toLowerCase().startsWith(`${scheme}:`))
    .map((link) => decoded(link.slice(scheme.length + 1).split("?")[0] ?? "").trim());
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function profileOf(link: string, base: string): readonly string[] {
  const url = URL.parse(link, base);
  if (!url || !/^https?:$/.test(url.protocol)) return [];
  const host = url.hostname.replace(/^(www|m|[a-z]{2})\./, "");
  if (!networks.includes(host) || url.pathname === "/" || sharing.test(url.pathname)) return [];
  return [`${url.origin}${url.pathname.replace(/\/$/, "")}`];
}

function unique(items: readonly string[], key: (item: string) => string): readonly string[] {
  const seen = new Map<string, string>();
  for (const item of items) if (item !== "" && !seen.has(key(item))) seen.set(key(item), item);
  return [...seen.values()];
}
