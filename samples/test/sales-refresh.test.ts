import { testWorkflow } from "baton-dag/testing";
import { expect, test } from "vitest";
import salesRefresh from "../workflows/sales-refresh.ts";
import { readCsv } from "./csv-reader.ts";
import { summarise } from "./sales-arithmetic.ts";
import { sampleText } from "./support.ts";

const name = "sales/sales-2026-10.csv";
const sample = sampleText(name);

test("the sample has corrections, cancelled orders, missing cells and names beyond ASCII", () => {
  const rows = readCsv(sample);
  expect(rows).toHaveLength(5_000);
  expect(new Set(rows.map((row) => row.order_id)).size).toBe(4_960);
  expect(new Set(rows.map((row) => row.ordered_at?.slice(0, 10))).size).toBe(31);
  expect(rows.some((row) => row.city === "")).toBe(true);
  expect(rows.some((row) => row.unit_price === "" && row.status === "cancelled")).toBe(true);
  for (const customer of ["Müller, Söhne & Co.", 'Bar "Zum Löwen"', "東京珈琲店", "Łukasz Wójcik"])
    expect(rows.some((row) => row.customer === customer)).toBe(true);
});

test("a dropped file is loaded, summarised, reported and archived, with the right numbers", async () => {
  const subject = testWorkflow(salesRefresh);
  const run = await subject.dropFile(name, sample);
  expect(run.status).toBe("SUCCESS");
  expect(run.result("load")).toMatchObject({ rows: 5_000, tableRows: 4_960 });
  expect(subject.objects.names("inbox")).toEqual([`archive/${name}`]);
  const expected = summarise(sample);
  const rows = await subject.warehouse.select(
    `SELECT CAST(day AS VARCHAR) || ' ' || category AS id, orders, units, CAST(revenue * 100 AS BIGINT) AS cents
    FROM daily_sales_summary`,
  );
  expect(new Map(rows.map(({ id, ...sums }) => [id, sums]))).toEqual(expected);
  const cents = new Map([...expected].map(([group, sums]) => [group, sums.cents]));
  expect(new Map(revenueIn(subject.objects.text("reports", "sales.html")))).toEqual(cents);
});

test("each drop is a batch: of the same rows, and of corrected ones, which replace them", async () => {
  const subject = testWorkflow(salesRefresh);
  const lines = sample.split("\n").slice(0, 100);
  const total = async () => {
    const rows = await subject.warehouse.select("SELECT sum(units) AS units FROM daily_sales_summary");
    return Number(rows[0]?.units);
  };
  await subject.dropFile(name, `${lines.join("\n")}\n`);
  const before = await total();
  const again = await subject.dropFile("sales/again.csv", `${lines.join("\n")}\n`);
  expect(again.result("load")).toMatchObject({ rows: 99, tableRows: 99 });
  expect(await total()).toBe(before);
  const cancelled = lines.map((line) => line.replace(/(?:paid|shipped)$/, "cancelled"));
  const corrected = await subject.dropFile(name, `${cancelled.slice(0, 50).join("\n")}\n`);
  expect(corrected.result("load")).toMatchObject({ rows: 49, tableRows: 99 });
  expect(await total()).toBeLessThan(before);
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
