import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { Workplace } from "../../test/support/command.ts";
import { summarise } from "./sales-arithmetic.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const sample = `${root}samples/data/sales/sales-2026-10.csv`;
const name = "sales-2026-10.csv";

/** A server with the workflows of this repository. */
async function salesServer() {
  const place = new Workplace({}, { BATON_WORKFLOWS: `${root}samples/workflows` });
  mkdirSync(place.path("data/inbox/sales"), { recursive: true });
  await place.server();
  const batches = async () => (await place.baton(["batches", "--json"])).list;
  const ended = (count: number) =>
    expect
      .poll(async () => (await batches()).map(({ status }) => status), { interval: 300 })
      .toEqual(Array.from({ length: count }, () => "SUCCESS"));
  return { place, batches, ended, inbox: place.path("data/inbox"), reports: place.path("data/reports") };
}

test("drop a file: loaded, summarised, reported and archived once; the report shows the right numbers", async () => {
  const { place, batches, ended, inbox, reports } = await salesServer();
  copyFileSync(sample, `${inbox}/sales/${name}`);
  await ended(1);
  const [batch] = await batches();
  const { json } = await place.baton(["show", batch?.batchId ?? "", "--json"]);
  expect(json.tasks).toMatchObject(
    ["load", "summarise", "report", "archive"].map((taskId) => ({ taskId, status: "SUCCESS", attempts: 1 })),
  );
  expect(existsSync(`${inbox}/sales/${name}`)).toBe(false);
  expect(readFileSync(`${inbox}/archive/sales/${name}`)).toEqual(readFileSync(sample));
  const page = readFileSync(`${reports}/sales.html`, "utf8");
  const expected = summarise(readFileSync(sample, "utf8"));
  expect(new Map(revenueIn(page))).toEqual(
    new Map([...expected].map(([group, { cents }]) => [group, cents])),
  );
});

test("each drop is a batch: of the same bytes again, under another name, and corrected", async () => {
  const { batches, ended, inbox } = await salesServer();
  copyFileSync(sample, `${inbox}/sales/${name}`);
  await ended(1);
  copyFileSync(sample, `${inbox}/sales/${name}`);
  copyFileSync(sample, `${inbox}/sales/later.csv`);
  await ended(3);
  const corrected = readFileSync(sample, "utf8").split("\n").slice(0, 100).join("\n");
  writeFileSync(`${inbox}/sales/${name}`, `${corrected}\n`);
  await ended(4);
  expect(new Set((await batches()).map(({ batchId }) => batchId)).size).toBe(4);
  expect(readdirSync(`${inbox}/sales`)).toEqual([]);
});

/** Every number of the table on the page: "day category" and its cents. */
function revenueIn(page: string): [group: string, cents: number][] {
  const categories = [...page.matchAll(/<th scope="col">([^<]+)/g)]
    .map(([, heading = ""]) => heading)
    .slice(1);
  const rows = [...page.matchAll(/<th scope="row">([^<]+)<\/th>(.*?)<\/tr>/gs)];
  return rows.flatMap(([, day = "", cells = ""]) =>
    [...cells.matchAll(/<td>([\d.,]+)/g)].map(([, text = ""], column): [string, number] => {
      const cents = Math.round(Number(text.replaceAll(",", "")) * 100);
      return [`${day} ${categories[column]}`, cents];
    }),
  );
}
