import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DatabaseFile } from "../../src/adapters/duckdb/database-file.ts";
import { DuckDbWarehouse } from "../../src/adapters/duckdb/duckdb-warehouse.ts";
import { FolderObjectStore } from "../../src/adapters/filesystem/object-store.ts";
import {
  type RenderReportParameters,
  renderReport,
  renderReportType,
} from "../../src/tasks/render-report.ts";
import { needsZero, niceScale } from "../../src/tasks/report/axes.ts";
import { runBuiltIn } from "./run-built-in.ts";

let folder: string;
let warehouse: DuckDbWarehouse;
let objects: FolderObjectStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "baton-report-"));
  warehouse = new DuckDbWarehouse(new DatabaseFile(join(folder, "warehouse.duckdb")));
  objects = new FolderObjectStore({ buckets: { reports: join(folder, "reports") } });
});
afterAll(async () => {
  await warehouse.close();
  await rm(folder, { recursive: true, force: true });
});

const month = `SELECT DATE '2026-10-01' + CAST(d AS INTEGER) AS day, (d * 100.5)::DECIMAL(9, 2) AS revenue
  FROM range(31) t(d) ORDER BY day`;
const regions = `SELECT d, region, d * 10 + length(region) AS n
  FROM range(4) t(d), (VALUES ('north'), ('<south>')) r(region) WHERE NOT (d = 2 AND region = 'north') ORDER BY d`;

async function render(parameters: Partial<RenderReportParameters>) {
  const spec = renderReport({
    title: "T",
    sql: month,
    x: "day",
    y: "revenue",
    file: "r.html",
    ...parameters,
  });
  const result = await runBuiltIn(renderReportType, spec, { warehouse, objects });
  return { ...result, page: await readFile(result.report, "utf8") };
}
const count = (text: string, part: string) => text.split(part).length - 1;

describe("page", () => {
  it("shows the rows of the query as a chart and as a table", async () => {
    const { page, report, rows } = await render({ title: "October", file: "2026/october.html" });
    expect(isAbsolute(report)).toBe(true);
    expect(report).toMatch(/reports\/2026\/october\.html$/);
    expect(rows).toBe(31);
    expect(count(page, "<rect ")).toBe(31);
    expect(page).toContain("<title>2026-10-31\nrevenue: 3,015</title>");
    expect(page).toContain('<tr><th scope="row">2026-10-02</th><td>100.5</td></tr>');
    expect(page).toContain('role="img" aria-label="October: revenue by day"');
  });

  it("needs nothing from elsewhere, and its policy forbids it", async () => {
    const { page } = await render({});
    expect(page).toContain(
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-`,
    );
    expect(page).not.toMatch(/<script|<link|<img|<iframe|@import|url\(|\ssrc=|\shref=|\sstyle=|https?:\/\//);
  });

  it("escapes every text that comes from outside", async () => {
    const evil = `<script>alert("x")</script>&'`;
    const sql = 'SELECT $evil AS "<x>", 1 AS "y&", $evil AS s';
    const { page } = await render({ title: evil, sql, x: "<x>", y: "y&", series: "s", parameters: { evil } });
    expect(page).not.toContain("<script");
    expect(page).not.toContain("<x>");
    expect(page).not.toMatch(/&(?!amp;|lt;|gt;|quot;|#39;)/);
    expect(page).toContain("<h1>&lt;script&gt;alert(&quot;x&quot;)&lt;/script&gt;&amp;&#39;</h1>");
  });

  it("draws one line a series, with a legend, and leaves a gap where there is no value", async () => {
    const { page } = await render({ sql: regions, x: "d", y: "n", series: "region", kind: "line" });
    expect(page).toMatch(/<li class="c0">\S+<\/li><li class="c1">\S+<\/li>/);
    expect(page).toContain("&lt;south&gt;");
    const north = [...page.matchAll(/class="line" d="([^"]+)"/g)].map(([, path]) =>
      path?.replace(/[^ML]/g, ""),
    );
    expect(north.sort()).toEqual(["MLLL", "MLM"]);
    expect(count(page, "<circle ")).toBe(7);
    expect(page).toContain("<td>–</td>");
  });

  it("has no number that is not one, whatever the values are", async () => {
    for (const values of ["(0)", "(5)", "(-3), (-1)", "(NULL)", "(-2.5), (0), (1e12)", "(1e-9)"])
      for (const kind of ["bar", "line"] as const) {
        const sql = `SELECT row_number() OVER () AS x, v AS y FROM (VALUES ${values}) t(v)`;
        const { page } = await render({ sql, x: "x", y: "y", kind });
        expect(page).not.toMatch(/NaN|Infinity|undefined|height="-/);
      }
  });

  it("says so when there are no rows, and when there were too many", async () => {
    const empty = await render({ sql: "SELECT 1 AS day, 2 AS revenue WHERE false" });
    expect(empty.rows).toBe(0);
    expect(empty.page).toContain("The query gave no rows.");
    const many = await render({ sql: "SELECT range AS day, 1 AS revenue FROM range(6000)" });
    expect(many.rows).toBe(5_000);
    expect(many.page).toContain("Only the first 5000 rows");
  });

  it("is the same page when the task is tried again", async () => {
    expect((await render({})).page).toBe((await render({})).page);
  });

  it("fails for good when a column is missing or holds no numbers", async () => {
    const failure = { name: "TaskError", code: "TASK_PARAMETERS_INVALID", retryable: false };
    const missing = render({ y: "profit" });
    await expect(missing).rejects.toMatchObject({
      ...failure,
      message: expect.stringContaining("day, revenue"),
    });
    await expect(render({ y: "day" })).rejects.toMatchObject(failure);
    await expect(render({ file: "../escape.html" })).rejects.toMatchObject({ code: "OBJECT_NAME_INVALID" });
  });
});

describe("axes", () => {
  it.each([
    [
      [0, 97],
      [0, 20, 40, 60, 80, 100],
    ],
    [
      [-3.2, 9.1],
      [-5, -2.5, 0, 2.5, 5, 7.5, 10],
    ],
    [
      [0.1, 0.3],
      [0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3],
    ],
    [[0], [0, 0.2, 0.4, 0.6, 0.8, 1]],
    [
      [-8, -2],
      [-8, -6, -4, -2, 0],
    ],
  ])("%j has round ticks", (values, ticks) => expect(niceScale(values, 6, true).ticks).toEqual(ticks));

  it("covers all values, for any values", () => {
    for (const [low, high] of [
      [0, 1e-7],
      [-1e9, 3],
      [1000.2, 1000.9],
      [7, 7],
    ] as const) {
      const { position, ticks } = niceScale([low, high], 6, false);
      expect(position(low)).toBeGreaterThanOrEqual(0);
      expect(position(high)).toBeLessThanOrEqual(1);
      expect(ticks.length).toBeLessThan(12);
      expect(new Set(ticks).size).toBe(ticks.length);
    }
  });

  it("begins lines far from zero where they are, and bars always at zero", () => {
    expect(needsZero("line", [1000, 1010])).toBe(false);
    expect(needsZero("line", [2, 10])).toBe(true);
    expect(needsZero("bar", [1000, 1010])).toBe(true);
  });

  it("passes labels over that would touch", async () => {
    const { page } = await render({});
    const labels = [...page.matchAll(/<text class="middle" x="([\d.]+)"[^>]*>([^<]+)</g)];
    const positions = labels.map(([, x]) => Number(x));
    expect(labels.length).toBeGreaterThan(10);
    positions.forEach((x, index) => {
      if (index > 0) expect(x - (positions[index - 1] ?? 0)).toBeGreaterThan(45);
    });
  });
});
