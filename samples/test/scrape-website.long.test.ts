import { expect, test } from "vitest";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import type { BatchView } from "../../src/core/views/views.ts";
import { runToEnd, testApp } from "../../test/support/app.ts";
import { scrapeWebsite } from "../workflows/documents.ts";
import { sampleText } from "./lib/sample-files.ts";
import { publicHere } from "./public-here.ts";
import { sampleSite } from "./sample-site.ts";

const page = "/companies/lantern-roasters.html";

function scrapeApp(): EmbeddedApp {
  const environment = { BATON_HTTP_ALLOW_PRIVATE: "true" };
  return testApp({ workflows: [scrapeWebsite], environment });
}

const scrape = (app: EmbeddedApp, url: string) => runToEnd(app, "scrape_website", { url });
const taskOf = (view: BatchView) => view.tasks[0];
const refusedAddress = { status: "ERROR", attempts: 1, error: { code: "HTTP_ADDRESS_REFUSED" } };

test("gives the main text of a page, once for the same address", async () => {
  const site = await sampleSite();
  const app = scrapeApp();
  const first = await scrape(app, `${site.url}${page}`);
  expect(taskOf(first)).toMatchObject({
    status: "SUCCESS",
    result: {
      url: `${site.url}${page}`,
      title: "Lantern Roasters | Coffee from Harbour Street",
      description: "Small-batch coffee, roasted every Tuesday.",
      text: [
        "Coffee, roasted slowly",
        "We roast four origins in batches of twelve kilograms, every Tuesday.",
        "Come and taste them: the door is open from eight to five.",
        "Write to our order desk.",
      ].join("\n"),
    },
  });
  const again = await scrape(app, `${site.url}${page}`);
  expect(taskOf(again)).toMatchObject({ reason: "already_completed", result: taskOf(first)?.result });
  expect(site.paths()).toEqual(["/robots.txt", page]);
  expect(site.requests[1]?.headers["user-agent"]).toBe("BatonSample/1.0");
});

test("waits as long as robots.txt asks, off the machine", async () => {
  const times: number[] = [];
  const site = await sampleSite((path) => {
    times.push(Date.now());
    return path === "/robots.txt" ? { body: sampleText("site/robots.txt") } : undefined;
  });
  const view = await scrape(scrapeApp(), `${site.url}${page}`);
  // The same attempt: a task that sleeps has not failed.
  expect(taskOf(view)).toMatchObject({ status: "SUCCESS", attempts: 1 });
  const [robots = 0, got = 0] = times;
  expect(got - robots).toBeGreaterThanOrEqual(1_000);
  expect(site.paths()).toEqual(["/robots.txt", page]);
});

test("what robots.txt forbids is not fetched, nor reached by a redirect", async () => {
  const forbidden = "/private/ledger.html";
  const site = await sampleSite((path) => {
    if (path === "/robots.txt") return { body: "User-agent: *\nDisallow: /private/" };
    return path === "/moved.html" ? { status: 302, headers: { location: forbidden } } : undefined;
  });
  const app = scrapeApp();
  for (const path of [forbidden, "/moved.html"])
    expect(taskOf(await scrape(app, `${site.url}${path}`))).toMatchObject({
      status: "ERROR",
      attempts: 1,
      error: {
        code: "ROBOTS_FORBID",
        message: `The robots.txt of ${site.url} forbids ${forbidden}`,
      },
    });
  expect(site.paths()).toEqual(["/robots.txt", "/robots.txt", "/moved.html"]);
});

test("follows redirects to where the page is; one without end fails", async () => {
  const site = await sampleSite((path) => {
    if (path === "/old.html") return { status: 301, headers: { location: page } };
    return path === "/round.html" ? { status: 302, headers: { location: "/round.html" } } : undefined;
  });
  const app = scrapeApp();
  expect(taskOf(await scrape(app, `${site.url}/old.html`))).toMatchObject({
    status: "SUCCESS",
    result: { url: `${site.url}${page}` },
  });
  expect(taskOf(await scrape(app, `${site.url}/round.html`))).toMatchObject({
    status: "ERROR",
    error: { code: "PAGE_UNAVAILABLE", message: `${site.url}/round.html redirects more than 5 times` },
  });
});

test("a site without robots.txt forbids nothing; what is no page is refused", async () => {
  const site = await sampleSite((path) => {
    if (path === "/robots.txt") return { status: 404 };
    return path === "/photo" ? { headers: { "content-type": "image/png" }, body: "\u0089PNG" } : undefined;
  });
  const app = scrapeApp();
  expect((await scrape(app, `${site.url}${page}`)).status).toBe("SUCCESS");
  expect(taskOf(await scrape(app, `${site.url}/photo`))).toMatchObject({
    status: "ERROR",
    error: { code: "PAGE_UNAVAILABLE", message: `${site.url}/photo is no page but "image/png"` },
  });
});

test("private, loopback and metadata addresses are refused", async () => {
  const site = await sampleSite();
  const app = testApp({ workflows: [scrapeWebsite] });
  for (const url of [`${site.url}${page}`, "http://169.254.169.254/latest/meta-data/", "http://[::1]/"])
    expect(taskOf(await scrape(app, url)), url).toMatchObject(refusedAddress);
  expect(site.requests).toEqual([]);
});

test("they are refused after a redirect too, from the page and from robots.txt", async () => {
  const metadata = { status: 302, headers: { location: "http://169.254.169.254/latest/meta-data/" } };
  const page = await sampleSite((path) => (path === "/page.html" ? metadata : undefined));
  const robots = await sampleSite((path) => (path === "/robots.txt" ? metadata : undefined));
  const app = testApp({ workflows: [scrapeWebsite], around: publicHere(scrapeWebsite) });
  expect(taskOf(await scrape(app, `${page.url}/page.html`))).toMatchObject(refusedAddress);
  expect(page.paths()).toEqual(["/robots.txt", "/page.html"]);
  expect(taskOf(await scrape(app, `${robots.url}/page.html`))).toMatchObject(refusedAddress);
  expect(robots.paths()).toEqual(["/robots.txt"]);
});
