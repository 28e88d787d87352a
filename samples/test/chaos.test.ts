import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type ChaosOptions, chaos, type HttpFake } from "baton-dag/testing";
import { afterAll, expect, test } from "vitest";
import { type BuiltWorkflow, isWorkflow } from "../../src/workflow/workflow.ts";
import accountEnrichment from "../workflows/account-enrichment.ts";
import contributionsAnalysis, { contributionsRefresh } from "../workflows/contributions-analysis.ts";
import * as documents from "../workflows/documents.ts";
import salesRefresh from "../workflows/sales-refresh.ts";
import searchIndex from "../workflows/search-index.ts";

const samples = fileURLToPath(new URL("../data/", import.meta.url));
const read = (name: string) => readFileSync(samples + name);
const company = read("site/companies/lantern-roasters.html").toString();
const page = { headers: { "content-type": "text/html" }, body: company };

/** A site whose robots.txt asks for a delay between two requests. */
const site: HttpFake = {
  "GET https://site.example/robots.txt": { body: "User-agent: *\nCrawl-delay: 20\n" },
  "GET https://site.example/company": page,
  "GET https://premium.example/?document_id=d1": { body: { premium: true } },
  "POST https://notify.example/": { body: {} },
};
const inbox = {
  "contributions/contributions.ndjson": read("contributions/contributions.ndjson"),
  "tea.txt": read("search/tea-brewing.txt"),
};
const sales = read("sales/sales-2026-10.csv").toString().split("\n").slice(0, 200).join("\n");
const url = "https://site.example/company";

const cases: readonly (readonly [BuiltWorkflow, ChaosOptions])[] = [
  [
    accountEnrichment,
    { input: { job_id: "j", account_id: "a", website: url, callback_url: "https://caller.example/" } },
  ],
  [contributionsAnalysis, { input: { date: "2026-11-21" } }],
  [contributionsRefresh, { input: { date: "2026-11-21" } }],
  [documents.processDocument, { input: { document_id: "d1", file: "tea.txt" } }],
  [documents.scrapeWebsite, { input: { url } }],
  [
    documents.sendNotification,
    { input: { url: "https://notify.example/", recipient: "Ada", message: "Hello" } },
  ],
  [documents.cleanupOldData, {}],
  [documents.generateAnalyticsReport, {}],
  [salesRefresh, { drop: { name: "sales/a.csv", content: sales }, schedules: 15 }],
  [searchIndex, { input: { document_id: "d1", file: "tea.txt", premium_url: "https://premium.example/" } }],
];

/** Samples write SQLite files beside the data. */
const data = mkdtempSync(join(tmpdir(), "baton-samples-"));
const before = process.env.BATON_DATA;
process.env.BATON_DATA = data;
afterAll(() => {
  if (before === undefined) delete process.env.BATON_DATA;
  else process.env.BATON_DATA = before;
  rmSync(data, { recursive: true, force: true });
});

test("every sample is tried", () => {
  const all = [accountEnrichment, contributionsAnalysis, contributionsRefresh, salesRefresh, searchIndex];
  const tried = cases.map(([{ id }]) => id).sort();
  expect(tried).toEqual([...all, ...Object.values(documents).filter(isWorkflow)].map(({ id }) => id).sort());
});

test.each(cases.map(([subject, options]) => [subject.id, subject, options] as const))(
  "chaos raises no false alarm on %s",
  async (_, subject, options) => {
    const { findings } = await chaos(subject, { http: site, objects: { inbox }, schedules: 60, ...options });
    expect(findings).toEqual([]);
  },
);
