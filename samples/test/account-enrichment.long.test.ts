import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { EmbeddedApp } from "../../src/app/embedded.ts";
import { runToEnd, testApp } from "../../test/support/app.ts";
import { anHourLater, Workplace } from "../../test/support/command.ts";
import { callbackReceiver, type ReceivedCallback } from "../../test/support/receiver.ts";
import accountEnrichment from "../workflows/account-enrichment.ts";
import { hurried } from "./hurried.ts";
import { type SampleSite, sampleSite } from "./sample-site.ts";

const page = "/companies/lantern-roasters.html";
const id = "account-enrichment";

function enrichmentApp(environment = { BATON_HTTP_ALLOW_PRIVATE: "true" }): EmbeddedApp {
  return testApp({ workflows: [hurried(accountEnrichment)], environment });
}

const inputFor = (site: SampleSite, callbackUrl: string, path = page) => ({
  job_id: "job-1",
  account_id: "lantern",
  website: `${site.url}${path}`,
  callback_url: callbackUrl,
});

const bodyOf = (callback: ReceivedCallback | undefined) => JSON.parse(callback?.body ?? "{}");
const reports = (callbacks: readonly ReceivedCallback[]) =>
  callbacks.map(bodyOf).map(({ type, data }) => (type === "task.progress" ? data.percent : type));

test("reports 30 %, 60 % and the whole enrichment; the summary is short", async () => {
  const site = await sampleSite();
  const receiver = await callbackReceiver();
  const app = enrichmentApp();
  const view = await runToEnd(app, id, inputFor(site, receiver.url));
  expect(view.tasks[0]).toMatchObject({
    status: "SUCCESS",
    attempts: 1,
    key: "account-enrichment/enrich?job_id=job-1&account_id=lantern",
    result: { name: "Lantern Roasters Ltd" },
    report: { counters: { fields_found: 7 }, warnings: [] },
  });
  await expect.poll(() => reports(receiver.received)).toEqual([30, 60, "task.completed"]);
  const [first, second, final] = receiver.received.map(bodyOf);
  expect(final.data).toEqual({
    job_id: "job-1",
    account_id: "lantern",
    website: `${site.url}${page}`,
    source: `${site.url}${page}`,
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
  expect([first.data.of, second.data.of]).toEqual([final.id, final.id]);
});

test("asked again, also by another batch for another website, it sends stored bytes and runs nothing", async () => {
  const site = await sampleSite();
  const receiver = await callbackReceiver();
  const app = enrichmentApp();
  const input = inputFor(site, receiver.url);
  const first = await runToEnd(app, id, input);
  await expect.poll(() => receiver.received.length).toBe(3);
  const before = site.requests.length;
  const again = await runToEnd(app, id, { ...input, website: `${site.url}/companies/keel-and-anvil.html` });
  expect(again.tasks[0]).toMatchObject({ status: "SUCCESS", reason: "already_completed" });
  expect(again.tasks[0]?.result).toEqual(first.tasks[0]?.result);
  await expect.poll(() => receiver.received.length).toBe(4);
  const [, , final, resent] = receiver.received;
  expect(resent?.body).toBe(final?.body);
  expect(resent?.headers["webhook-id"]).toBe(final?.headers["webhook-id"]);
  expect(site.requests).toHaveLength(before);
});

test("another lead of the account is another enrichment; each has its row in the archive", async () => {
  const site = await sampleSite();
  const receiver = await callbackReceiver();
  const app = enrichmentApp();
  const input = inputFor(site, receiver.url);
  await runToEnd(app, id, input);
  const view = await runToEnd(app, id, { ...input, lead_id: "lead-7" });
  expect(view.tasks[0]).toMatchObject({
    reason: null,
    key: "account-enrichment/enrich?job_id=job-1&account_id=lantern&lead_id=lead-7",
  });
  await expect.poll(() => receiver.received.length).toBe(6);
  const rows = async () =>
    (await app.engine.admin.callbacks.archived("enrichment_callbacks", { equals: { job_id: "job-1" } }, 10))
      .callbacks;
  await expect.poll(rows).toMatchObject([
    { key: { account_id: "lantern", lead_id: null }, status: "completed" },
    { key: { account_id: "lantern", lead_id: "lead-7" }, payload: { lead_id: "lead-7" } },
  ]);
});

test("a page that is down at first is fetched by a later attempt, and stored pages are not fetched again", async () => {
  const site = await sampleSite((path, asked) => (path === page && asked < 3 ? { status: 503 } : undefined));
  const receiver = await callbackReceiver();
  const app = enrichmentApp();
  const view = await runToEnd(app, id, inputFor(site, receiver.url));
  expect(view.tasks[0]).toMatchObject({ status: "SUCCESS", attempts: 3 });
  expect(site.paths()).toEqual(["/robots.txt", page, page, page]);
  await expect.poll(() => reports(receiver.received)).toEqual([30, 60, "task.completed"]);
});

test("a missing page fails the enrichment at once, the callback says so, and a right call runs", async () => {
  const gone = "/companies/gone.html";
  const site = await sampleSite((path) =>
    path === "/moved.html" ? { status: 301, headers: { location: gone } } : undefined,
  );
  const receiver = await callbackReceiver();
  const app = enrichmentApp();
  const failed = await runToEnd(app, id, inputFor(site, receiver.url, "/moved.html"));
  expect(failed.tasks[0]).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { code: "PAGE_UNAVAILABLE", message: `${site.url}${gone} answered 404` },
  });
  await expect.poll(() => reports(receiver.received)).toEqual(["task.failed"]);
  const fixed = await runToEnd(app, id, inputFor(site, receiver.url));
  // Not where the stored step of the first call leads.
  expect(fixed.tasks[0]).toMatchObject({ status: "SUCCESS", result: { name: "Lantern Roasters Ltd" } });
  await expect.poll(() => reports(receiver.received)).toEqual(["task.failed", 30, 60, "task.completed"]);
});

test("killed after it has reported 30 %, another process continues: one fetch, one final report", async () => {
  const site = await sampleSite();
  const environment = {
    BATON_HTTP_ALLOW_PRIVATE: "true",
    BATON_LEASE: "10m",
    BATON_WORKFLOWS: fileURLToPath(new URL("../workflows", import.meta.url)),
  };
  const place = new Workplace({}, environment);
  let kill = () => {};
  const receiver = await callbackReceiver((_, index) => {
    if (index === 0) kill();
    return 204;
  });
  const input = JSON.stringify(inputFor(site, receiver.url));
  const command = ["run", id, "--key", "k", "--json", "--input", input];
  const killed = place.spawn(command);
  kill = () => void killed.child.kill("SIGKILL");
  await killed.ended;
  expect(killed.child.signalCode, killed.stderr).toBe("SIGKILL");
  const { code, json } = await place.process(command, { environment: anHourLater });
  expect(code).toBe(0);
  expect(json.tasks).toMatchObject([{ status: "SUCCESS", attempts: 2 }]);
  expect(site.paths()).toEqual(["/robots.txt", page]);
  expect(reports(receiver.received)).toEqual([30, 30, 60, "task.completed"]);
});

test("without leave no private address is fetched", async () => {
  const site = await sampleSite();
  const receiver = await callbackReceiver();
  const app = enrichmentApp({ BATON_HTTP_ALLOW_PRIVATE: "false" });
  const view = await runToEnd(app, id, inputFor(site, receiver.url));
  expect(view.tasks[0]).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { code: "HTTP_ADDRESS_REFUSED" },
  });
  expect(site.requests).toEqual([]);
  expect(receiver.received).toEqual([]);
});
