import { readdirSync, readFileSync } from "node:fs";
import { type ChaosOptions, chaos, type HttpFake } from "baton-dag/testing";
import { expect, test } from "vitest";
import accountEnrichment from "../workflows/account-enrichment.ts";
import contributionsAnalysis, { contributionsRefresh } from "../workflows/contributions-analysis.ts";
import * as documents from "../workflows/documents.ts";
import salesRefresh from "../workflows/sales-refresh.ts";
import searchIndex from "../workflows/search-index.ts";
import { emptyDataFolder, sampleBytes, sampleText } from "./support.ts";

const company = sampleText("site/companies/lantern-roasters.html");
const page = { headers: { "content-type": "text/html" }, body: company };

/** A site whose robots.txt asks for a delay between two requests. */
const site: HttpFake = {
  "GET https://site.example/robots.txt": { body: "User-agent: *\nCrawl-delay: 20\n" },
  "GET https://site.example/company": page,
  "GET https://premium.example/?document_id=d1": { body: { premium: true } },
  "POST https://notify.example/": { body: {} },
};
const inbox = {
  "contributions/contributions.ndjson": sampleBytes("contributions/contributions.ndjson"),
  "tea.txt": sampleBytes("search/tea-brewing.txt"),
};
const sales = sampleText("sales/sales-2026-10.csv").split("\n").slice(0, 200).join("\n");
const url = "https://site.example/company";

const cases: readonly (readonly [Exclude<Parameters<typeof chaos>[0], () => unknown>, ChaosOptions])[] = [
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

test("every workflow of the samples is tried", () => {
  const folder = new URL("../workflows/", import.meta.url);
  const sources = readdirSync(folder).map((name) => readFileSync(new URL(name, folder), "utf8"));
  const ids = sources.flatMap((text) => [...text.matchAll(/\bworkflow\("([^"]+)"/g)].map(([, id]) => id));
  expect(cases.map(([{ id }]) => id).sort()).toEqual(ids.sort());
});

test.each(cases.map(([subject, options]) => [subject.id, subject, options] as const))(
  "chaos raises no false alarm on %s",
  async (_, subject, options) => {
    emptyDataFolder();
    const { findings } = await chaos(subject, { http: site, objects: { inbox }, schedules: 60, ...options });
    expect(findings).toEqual([]);
  },
);
