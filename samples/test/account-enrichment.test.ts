import { testWorkflow } from "baton-dag/testing";
import { expect, test } from "vitest";
import accountEnrichment from "../workflows/account-enrichment.ts";
import { anHourLater, startBaton } from "./baton-process.ts";
import { temporaryFolder } from "./support.ts";
import { siteUrl, Website } from "./website.ts";

const page = "/companies/lantern-roasters.html";

const inputFor = (path = page, site = siteUrl) => ({
  job_id: "job-1",
  account_id: "lantern",
  website: `${site}${path}`,
  callback_url: "https://caller.example/callbacks",
});

function enrichment(site: Website) {
  return testWorkflow(accountEnrichment, { http: site.http });
}

interface Sent {
  readonly type: string;
  readonly data: unknown;
}

/** The percentages of progress, and the types of other callbacks. */
const reports = (callbacks: readonly Sent[]) =>
  callbacks.map(({ type, data }) => (type === "task.progress" ? Object(data).percent : type));

test("reports 30 %, 60 % and the whole enrichment; the summary is short", async () => {
  const run = await enrichment(new Website()).run({ input: inputFor() });
  expect(run.tasks.enrich).toMatchObject({
    status: "SUCCESS",
    attempts: 1,
    result: { name: "Lantern Roasters Ltd" },
    counters: { fields_found: 7 },
    warnings: [],
  });
  expect(reports(run.callbacks)).toEqual([30, 60, "task.completed"]);
  expect(run.callbacks.at(-1)?.url).toBe("https://caller.example/callbacks");
  expect(run.callbacks.at(-1)?.data).toEqual({
    job_id: "job-1",
    account_id: "lantern",
    website: `${siteUrl}${page}`,
    source: `${siteUrl}${page}`,
    company: {
      name: "Lantern Roasters Ltd",
      description: "A roastery of small batches of coffee.",
      industry: "Food and beverages",
      emails: ["hello@lantern-roasters.example", "orders@lantern-roasters.example"],
      phones: ["+44 20 7946 0101"],
      socials: [
        "https://www.linkedin.com/company/lantern-roasters-sample",
        "https://www.instagram.com/lantern.roasters.sample",
      ],
      address: "12 Harbour Street, BS1 4RW Bristol, GB",
    },
  });
});

test("a repeated call, also for another website, sends the same callback and fetches nothing", async () => {
  const subject = enrichment(new Website());
  const first = await subject.run({ input: inputFor() });
  const again = await subject.run({ input: inputFor("/companies/keel-and-anvil.html") });
  expect(again.tasks.enrich).toMatchObject({ status: "SUCCESS", reason: "already_completed" });
  expect(again.result("enrich")).toEqual(first.result("enrich"));
  expect(again.callbacks).toEqual(first.callbacks.slice(-1));
  expect(again.calls).toEqual([]);
});

test("another lead of the account is another enrichment", async () => {
  const subject = enrichment(new Website());
  await subject.run({ input: inputFor() });
  const run = await subject.run({ input: { ...inputFor(), lead_id: "lead-7" } });
  expect(run.tasks.enrich).toMatchObject({ status: "SUCCESS", reason: null });
  expect(run.callbacks.at(-1)?.data).toMatchObject({ lead_id: "lead-7" });
});

test("a page that is down at first is fetched by a later attempt, and stored pages are not fetched again", async () => {
  const site = new Website((path, asked) => (path === page && asked < 3 ? { status: 503 } : undefined));
  const run = await enrichment(site).run({ input: inputFor() });
  expect(run.tasks.enrich).toMatchObject({ status: "SUCCESS", attempts: 3 });
  expect(site.paths).toEqual(["/robots.txt", page, page, page]);
  expect(reports(run.callbacks)).toEqual([30, 60, "task.completed"]);
});

test("a missing page fails the enrichment at once, the callback says so, and a right call runs", async () => {
  const gone = "/companies/gone.html";
  const site = new Website((path) =>
    path === "/moved.html" ? { status: 301, headers: { location: gone } } : undefined,
  );
  const subject = enrichment(site);
  const failed = await subject.run({ input: inputFor("/moved.html") });
  expect(failed.tasks.enrich.attempts).toBe(1);
  expect(failed.error("enrich")).toMatchObject({
    code: "PAGE_UNAVAILABLE",
    message: `${siteUrl}${gone} answered 404`,
  });
  expect(reports(failed.callbacks)).toEqual(["task.failed"]);
  const fixed = await subject.run({ input: inputFor() });
  // The stored step of the first call leads to another page.
  expect(fixed.tasks.enrich).toMatchObject({ status: "SUCCESS", result: { name: "Lantern Roasters Ltd" } });
  expect(reports(fixed.callbacks)).toEqual([30, 60, "task.completed"]);
});

test("killed after it has reported 30 %, another process continues: one fetch, one final report", async () => {
  let kill = () => {};
  const site = new Website((path) => {
    if (path !== "/callbacks") return undefined;
    kill();
    return { status: 204 };
  });
  const url = await site.serve();
  const environment = {
    BATON_DATA: temporaryFolder(),
    BATON_HTTP_ALLOW_PRIVATE: "true",
    BATON_LEASE: "10m",
  };
  const input = JSON.stringify({ ...inputFor(page, url), callback_url: `${url}/callbacks` });
  const command = ["run", "account-enrichment", "--key", "k", "--json", "--input", input];
  const killed = startBaton(command, environment);
  kill = () => void killed.child.kill("SIGKILL");
  expect(await killed.ended).toMatchObject({ signal: "SIGKILL" });
  kill = () => {};
  const { code, stdout, stderr } = await startBaton(command, { ...environment, ...anHourLater }).ended;
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout).tasks).toMatchObject([{ status: "SUCCESS", attempts: 2 }]);
  expect(site.paths.filter((path) => path !== "/callbacks")).toEqual(["/robots.txt", page]);
  const bodies = site.requests.filter(({ url }) => url.endsWith("/callbacks")).map(({ body = "" }) => body);
  expect(reports(bodies.map((body) => JSON.parse(body)))).toEqual([30, 30, 60, "task.completed"]);
});
