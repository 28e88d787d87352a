import { expect, test } from "vitest";
import { crawlDelaySeconds, isAllowed } from "../../lib/polite-fetch.ts";
import { sampleText } from "../support.ts";

const agent = "BatonBot/1.0 (+https://example.com/bot)";
const forAll = (...rules: readonly string[]): string => ["User-agent: *", ...rules].join("\n");

test("the robots.txt of the sample site", () => {
  const robots = sampleText("site/robots.txt");
  expect(isAllowed(robots, agent, "/companies/keel-and-anvil.html")).toBe(true);
  expect(isAllowed(robots, agent, "/private/ledger.html")).toBe(false);
  expect(crawlDelaySeconds(robots, agent)).toBe(1);
  expect(isAllowed(robots, "greedybot/9", "/")).toBe(false);
  expect(crawlDelaySeconds(robots, "GreedyBot")).toBeUndefined();
});

test.for([
  ["", "/a", true],
  ["Disallow:", "/a", true],
  ["Disallow: /", "/a", false],
  ["Disallow: /", "/robots.txt", true],
  ["Disallow: /a", "/ab?c", false],
  ["Disallow: /a", "/A", true],
  ["Disallow: /a/\nAllow: /a/b", "/a/b/c", true],
  ["Allow: /a/b\nDisallow: /a/b/c", "/a/b/c", false],
  ["Disallow: /page\nAllow: /page", "/page", true],
  ["Disallow: /*.pdf$", "/x/y.pdf", false],
  ["Disallow: /*.pdf$", "/x/y.pdf?z", true],
  ["Disallow: /*.pdf", "/x/y.pdf?z", false],
  ["Disallow: /*/print/*", "/a/b/print/c", false],
  ["Disallow: /a*a$", "/a", true],
  ["Disallow: /a*a$", "/aba", false],
  ["Disallow: /a$", "/a", false],
  ["Disallow: /a$", "/ab", true],
  ["Disallow: /*", "/", false],
  ["Disallow: *?session=", "/x?session=1", false],
  ["Disallow: /caf%C3%A9", "/café/menu", false],
  ["Disallow: /café", "/caf%c3%a9", false],
  ["Disallow: /%7Ejoe", "/~joe/", false],
  ["Disallow: /a%2Fb", "/a/b", true],
  ["Disallow: /a # not /b", "/a", false],
  ["disallow : /a", "/a", false],
  ["nonsense\nDisallow /a\n: /b\nSitemap: https://x.example/", "/a", true],
] as const)("%j and %s: %s", ([rules, path, allowed]) => {
  expect(isAllowed(forAll(rules), agent, path)).toBe(allowed);
});

test("groups: one's own wins over *, all of one's own count, agents in a row share rules", () => {
  const robots = [
    "\uFEFFUser-agent: *\r\nDisallow: /\r\n",
    "User-agent: other\r\nUser-agent: BATONBOT\r\nDisallow: /one\r\nCrawl-delay: 2.5\r\n",
    "User-agent: batonbot/2\rDisallow: /two",
  ].join("\r\n");
  expect(isAllowed(robots, agent, "/three")).toBe(true);
  expect(isAllowed(robots, agent, "/one")).toBe(false);
  expect(isAllowed(robots, agent, "/two")).toBe(false);
  expect(isAllowed(robots, "BatonBotNews", "/three")).toBe(false);
  expect(crawlDelaySeconds(robots, agent)).toBe(2.5);
  expect(isAllowed("Disallow: /\nUser-agent: x\nDisallow: /", agent, "/a")).toBe(true);
});

test.for(["", "-1", "soon", "Infinity", "1e999"])("a delay of %j is none", (delay) => {
  expect(crawlDelaySeconds(forAll(`Crawl-delay: ${delay}`), agent)).toBeUndefined();
});

test("a pattern made to be slow is not", () => {
  const robots = forAll(`Disallow: /${"*a".repeat(5_000)}b$`);
  expect(isAllowed(robots, agent, `/${"a".repeat(50_000)}`)).toBe(true);
});
