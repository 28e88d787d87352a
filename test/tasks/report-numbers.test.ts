import { describe, expect, it } from "vitest";
import type { Row } from "../../src/ports/warehouse.ts";
import { formatColumn, formatNumber, formatTicks } from "../../src/tasks/report/labels.ts";
import { cells, count, day, elements, groups, numbers, pageOf } from "./report-page.ts";

describe("numbers", () => {
  it("of a column have the same number of digits after the point", () => {
    expect(formatColumn([1234.5, 2, null, undefined, -0.25, 0])).toEqual([
      "1,234.50",
      "2.00",
      "–",
      "–",
      "-0.25",
      "0.00",
    ]);
    expect(formatColumn([1, 2.00001234])).toEqual(["1", "2"]);
    expect(formatColumn([1, 0.00001234])).toEqual(["1", "0.00001234"]);
    expect(formatColumn([1.5, 1e20, Number.NaN])).toEqual(["1.5", "1e20", "NaN"]);
  });

  it("that are missing from a series on a time axis are passed over, and a row without one leaves a gap", () => {
    const series = (rows: readonly Row[]) => groups(pageOf(rows))[1] ?? "";
    const daily = count(9).map((index) => ({ x: day(index), s: "daily", y: 1 }));
    const few = [0, 4, 8].map((index) => ({ x: day(index), s: "few", y: 2 }));
    expect(series([...daily, ...few])).toMatch(/ d="M[^ML]+L[^ML]+L[^ML]+"/);
    expect(series([...daily, ...few, { x: day(6), s: "few", y: null }])).toMatch(
      / d="M[^ML]+L[^ML]+M[^ML]+"/,
    );
  });

  it("that are all missing are said to be", () => {
    expect(pageOf([{ x: "a", y: null }])).toContain("Column &quot;y&quot; has no numbers");
    expect(pageOf([])).not.toContain("has no numbers");
  });

  it.each([1e-7, 3e-5, 0.002, 1, 2_500, 1e7, 1e18, 1e250, 1e-250])(
    "of about %d have ticks that differ",
    (unit) => {
      for (const base of [0, 1, 1_000])
        for (const kind of ["bar", "line"] as const) {
          const page = pageOf(
            [1, 2, 3].map((step) => ({ x: `k${step}`, y: (base + step) * unit })),
            kind,
          );
          const labels = elements(page, "text").flatMap(({ class: name, text }) =>
            name === "end" ? [text] : [],
          );
          expect(new Set(labels).size).toBe(labels.length);
          expect(new Set(cells(page)).size).toBe(3);
          expect(page).not.toMatch(/NaN|Infinity|undefined/);
        }
    },
  );

  it("are short, and small ones keep the digits that they have", () => {
    expect([0, 3_015, 0.12345678, 0.000012345, 1e-9, -1e-12, 1.5e18, 0.1 + 0.2].map(formatNumber)).toEqual([
      "0",
      "3,015",
      "0.1235",
      "0.00001235",
      "1e-9",
      "-1e-12",
      "1.5e18",
      "0.3",
    ]);
    expect(formatTicks([0, 2_500_000, 5_000_000])).toEqual(["0", "2.5M", "5M"]);
    expect(formatTicks([0, 2_500, 5_000])).toEqual(["0", "2,500", "5,000"]);
    expect(formatTicks([2_500_000, 2_500_010])).toEqual(["2.5M", "2.50001M"]);
    expect(formatTicks([0, 2e-9, 4e-9])).toEqual(["0", "2e-9", "4e-9"]);
  });

  it("that are not finite are in the table alone, and said to be", () => {
    const rows = [1, "NaN", 3, "Infinity", "-Infinity", null, 7].map((y, index) => ({ x: day(index), y }));
    for (const kind of ["bar", "line"] as const) {
      const page = pageOf(rows, kind);
      expect(elements(page, kind === "bar" ? "rect" : "circle")).toHaveLength(3);
      expect(cells(page)).toEqual(["1", "NaN", "3", "∞", "−∞", "–", "7"]);
      expect(page).toContain("3 values are not finite numbers");
      expect(page.replace(/<td>NaN/, "")).not.toMatch(/NaN|Infinity/);
    }
  });

  it.each([
    [[1e300, -1e300]],
    [[1.7e308, -1.7e308, 1]],
    [[5e-324, 1e-323]],
    [[9007199254740991, 9007199254740990]],
  ])("%j are drawn within the chart", (ys) => {
    const rows = ys.map((y, index) => ({ x: `k${index}`, y }));
    const [bars, lines] = [pageOf(rows, "bar"), pageOf(rows, "line")];
    for (const page of [bars, lines])
      expect(page.replaceAll(/<(td|title)>[^<]*/g, "")).not.toMatch(/NaN|Infinity|height="-/);
    for (const y of [...numbers(bars, "rect", "y"), ...numbers(lines, "circle", "cy")]) {
      expect(y).toBeGreaterThanOrEqual(27);
      expect(y).toBeLessThanOrEqual(345);
    }
  });
});
