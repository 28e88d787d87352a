import { testWorkflow } from "baton-dag/testing";
import { expect, test } from "vitest";
import { scrapeWebsite } from "../workflows/documents.ts";
import { sampleText } from "./support.ts";
import { siteUrl, Website } from "./website.ts";

const page = "/companies/lantern-roasters.html";

const scraping = (site: Website) => testWorkflow(scrapeWebsite, { http: site.http });
const inputOf = (path: string) => ({ input: { url: `${siteUrl}${path}` } });

test("gives the main text of a page, once for the same address", async () => {
  const site = new Website();
  const subject = scraping(site);
  const first = await subject.run(inputOf(page));
  expect(first.result("scrape")).toEqual({
    url: `${siteUrl}${page}`,
    title: "Lantern Roasters | Coffee from Harbour Street",
    description: "Small-batch coffee, roasted every Tuesday.",
    text: [
      "Coffee, roasted slowly",
      "We roast four origins in batches of twelve kilograms, every Tuesday.",
      "Come and taste them: the door is open from eight to five.",
      "Write to our order desk.",
    ].join("\n"),
  });
  const again = await subject.run(inputOf(page));
  expect(again.tasks.scrape.reason).toBe("already_completed");
  expect(again.result("scrape")).toEqual(first.result("scrape"));
  expect(site.paths).toEqual(["/robots.txt", page]);
  expect(site.requests[1]?.headers["user-agent"]).toBe("BatonSample/1.0");
});

test("waits as long as robots.txt asks, in the same attempt", async () => {
  const site = new Website((path) =>
    path === "/robots.txt" ? { body: sampleText("site/robots.txt") } : undefined,
  );
  const run = await scraping(site).run(inputOf(page));
  expect(run.tasks.scrape).toMatchObject({ status: "SUCCESS", attempts: 1 });
  expect(run.durationMs).toBeGreaterThanOrEqual(1_000);
  expect(site.paths).toEqual(["/robots.txt", page]);
});

test("what robots.txt forbids is not fetched, nor reached by a redirect", async () => {
  const forbidden = "/private/ledger.html";
  const site = new Website((path) => {
    if (path === "/robots.txt") return { body: "User-agent: *\nDisallow: /private/" };
    return path === "/moved.html" ? { status: 302, headers: { location: forbidden } } : undefined;
  });
  const subject = scraping(site);
  for (const path of [forbidden, "/moved.html"]) {
    const run = await subject.run(inputOf(path));
    expect(run.tasks.scrape.attempts).toBe(1);
    expect(run.error("scrape")).toMatchObject({
      code: "ROBOTS_FORBID",
      message: `The robots.txt of ${siteUrl} forbids ${forbidden}`,
    });
  }
  expect(site.paths).toEqual(["/robots.txt", "/robots.txt", "/moved.html"]);
});

test("follows redirects to where the page is; one without end fails", async () => {
  const site = new Website((path) => {
    if (path === "/old.html") return { status: 301, headers: { location: page } };
    return path === "/round.html" ? { status: 302, headers: { location: "/round.html" } } : undefined;
  });
  const subject = scraping(site);
  expect((await subject.run(inputOf("/old.html"))).result("scrape").url).toBe(`${siteUrl}${page}`);
  expect((await subject.run(inputOf("/round.html"))).error("scrape")).toMatchObject({
    code: "PAGE_UNAVAILABLE",
    message: `${siteUrl}/round.html redirects more than 5 times`,
  });
});

test("a site without robots.txt forbids nothing; what is no page is refused", async () => {
  const site = new Website((path) => {
    if (path === "/robots.txt") return { status: 404 };
    return path === "/photo" ? { headers: { "content-type": "image/png" }, body: "\u0089PNG" } : undefined;
  });
  const subject = scraping(site);
  expect((await subject.run(inputOf(page))).status).toBe("SUCCESS");
  expect((await subject.run(inputOf("/photo"))).error("scrape")).toMatchObject({
    code: "PAGE_UNAVAILABLE",
    message: `${siteUrl}/photo is no page but "image/png"`,
  });
});

test("each redirect is a request of its own, whose address Baton checks", async () => {
  const metadata = "http://169.254.169.254/latest/meta-data/";
  const site = new Website((path) =>
    path === "/page.html" ? { status: 302, headers: { location: metadata } } : undefined,
  );
  const run = await scraping(site).run(inputOf("/page.html"));
  expect(run.status).toBe("ERROR");
  const requests = run.calls.map(({ parameters }) => Object(parameters[0]));
  expect(requests.map(({ url, followRedirects }) => [url, followRedirects])).toEqual([
    [`${siteUrl}/robots.txt`, true],
    [`${siteUrl}/page.html`, false],
    ["http://169.254.169.254/robots.txt", true],
    [metadata, false],
  ]);
});
