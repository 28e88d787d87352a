import { describe, expect, it } from "vitest";
import type { Row } from "../../src/ports/warehouse.ts";
import { parseMoment, timeTicks } from "../../src/tasks/report/axes.ts";
import { readChartData } from "../../src/tasks/report/data.ts";
import {
  cutToWidth,
  formatColumn,
  formatNumber,
  formatTicks,
  formatXs,
  textWidth,
} from "../../src/tasks/report/labels.ts";
import { renderPage } from "../../src/tasks/report/page.ts";

const pageOf = (rows: readonly Row[], kind: "bar" | "line" = "line") =>
  renderPage({
    title: "T",
    kind,
    data: readChartData(rows, { x: "x", y: "y", series: rows.some((row) => "s" in row) ? "s" : undefined }),
    note: undefined,
    footer: "",
  });
const day = (index: number) => new Date(Date.UTC(2026, 0, 1 + index)).toISOString().slice(0, 10);
const count = (length: number) => Array.from({ length }, (_, index) => index);

/** The elements of a kind with their attributes, of the whole page. */
function elements(page: string, name: string) {
  return [...page.matchAll(new RegExp(`<${name} ([^>]*?)/?>([^<]*)`, "g"))].map(
    ([, attributes = "", text = ""]) => ({
      ...Object.fromEntries(
        [...attributes.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key, value]),
      ),
      text,
    }),
  ) as readonly Readonly<Record<string, string>>[];
}
const numbers = (page: string, name: string, attribute: string) =>
  elements(page, name).map((element) => Number(element[attribute]));
const xLabels = (page: string) => elements(page, "text").filter((text) => text.class === "middle");
/** The lines of each label of the x axis. */
const xLines = (page: string) =>
  [...page.matchAll(/<text class="middle"[^>]*>([\s\S]*?)<\/text>/g)].map(([, content = ""]) =>
    content
      .replace(/<title>[\s\S]*<\/title>/, "")
      .split(/<tspan[^>]*>/)
      .map((line) => line.replace("</tspan>", "")),
  );
const cells = (page: string) => [...page.matchAll(/<td>([^<]*)</g)].map(([, text]) => text);
const groups = (page: string) => page.split('<g class="c').slice(1);

describe("points", () => {
  it("are seen where there is no line to see them by, however many x values there are", () => {
    const rows = count(200).flatMap((index): Row[] => [
      { x: day(index), s: "daily", y: index },
      ...(index % 3 === 0 ? [{ x: day(index), s: "sparse", y: 5 }] : []),
    ]);
    const [daily = "", sparse = ""] = groups(pageOf(rows));
    expect(elements(daily, "circle").map((dot) => dot.class)).toEqual(Array(200).fill("hidden"));
    expect(/ d="M[^M"]*"/.exec(sparse)?.[0].split("L")).toHaveLength(67);
    const byName = rows.map((row) => ({ ...row, x: `k${row.x}` }));
    const [, apart = ""] = groups(pageOf(byName));
    expect(elements(apart, "circle").map((dot) => dot.class)).toEqual(Array(67).fill("dot"));
    const broken = count(200).map(
      (index): Row => ({ x: day(index), y: index === 99 || index === 101 ? null : index }),
    );
    const dots = elements(pageOf(broken), "circle").filter((dot) => dot.class === "dot");
    expect(dots).toHaveLength(1);
  });
});

describe("time", () => {
  it("is as far apart as it is, in its own order", () => {
    const xs = ["2026-01-11", "2026-01-01", "2026-01-02T12:00:00Z", "2026-01-03T01:00:00+01:00"];
    const page = pageOf(xs.map((x, y) => ({ x, y })));
    const [last = 0, first = 0, half = 0, third = 0] = [
      ...page.matchAll(/cx="([\d.]+)"[^>]*><title>([^\n]*)/g),
    ]
      .map(([, cx, x]) => ({ cx: Number(cx), x }))
      .sort((one, other) => xs.indexOf(String(one.x)) - xs.indexOf(String(other.x)))
      .map(({ cx }) => cx);
    expect((half - first) / (last - first)).toBeCloseTo(0.15, 2);
    expect((third - first) / (last - first)).toBeCloseTo(0.2, 2);
    const path = /class="line" d="M([^"]+)"/
      .exec(page)?.[1]
      ?.split("L")
      .map((point) => Number(point.split(" ")[0]));
    expect(path).toEqual([first, half, third, last]);
    // The table keeps the order of the rows.
    expect(cells(page)).toEqual(["0", "1", "2", "3"]);
  });

  it("leaves room for days without a bar, and bars do not overlap", () => {
    const page = pageOf(
      [0, 1, 9].map((index) => ({ x: day(index), y: 1 })),
      "bar",
    );
    const [one = 0, two = 0, ten = 0] = numbers(page, "rect", "x");
    expect((ten - one) / (two - one)).toBeCloseTo(9, 1);
    expect(Math.max(...numbers(page, "rect", "width"))).toBeLessThan(two - one);
  });

  it("has no place for a row without one, and is none when one text is no time", () => {
    const page = pageOf([
      { x: day(0), y: 1 },
      { x: null, y: 2 },
      { x: day(2), y: 3 },
    ]);
    expect(elements(page, "circle")).toHaveLength(2);
    expect(cells(page)).toEqual(["1", "2", "3"]);
    const mixed = pageOf([
      { x: day(0), y: 1 },
      { x: day(9), y: 1 },
      { x: "total", y: 2 },
    ]);
    const [one = 0, two = 0, three = 0] = numbers(mixed, "circle", "cx");
    expect(two - one).toBeCloseTo(three - two, 1);
  });

  it.each([
    ["2026-01-01", "2026-01-08", ["1 Jan", "2 Jan", "3 Jan"]],
    ["2025-12-30", "2026-01-03", ["30 Dec 2025", "31 Dec 2025", "1 Jan 2026"]],
    ["2026-01-01", "2026-03-10", ["1 Jan", "8 Jan", "15 Jan"]],
    ["2026-01-15", "2026-09-10", ["Feb 2026", "Mar 2026", "Apr 2026"]],
    ["1998-05-01", "2026-01-01", ["2000", "2005", "2010"]],
    ["2026-01-01T09:00:00Z", "2026-01-01T20:30:00Z", ["1 Jan 09:00", "10:00", "11:00"]],
    ["2026-01-01T22:00:00Z", "2026-01-02T03:00:00Z", ["1 Jan 22:00", "1 Jan 22:30", "1 Jan 23:00"]],
    ["2026-01-01T09:00:00Z", "2026-01-01T09:00:40Z", ["1 Jan 09:00:00", "09:00:05", "09:00:10"]],
  ])("from %s to %s has round ticks", (from, to, first) => {
    const ticks = timeTicks(parseMoment(from) ?? 0, parseMoment(to) ?? 0, 12);
    expect(ticks.slice(0, 3).map(({ label }) => label)).toEqual(first);
    expect(ticks.length).toBeLessThanOrEqual(12);
  });

  it("is read with and without its zone, and nothing else is", () => {
    expect(parseMoment("2026-01-01 10:00:00.123456")).toBe(Date.UTC(2026, 0, 1, 10, 0, 0, 123));
    expect(parseMoment("2026-01-01T10:00+02")).toBe(Date.UTC(2026, 0, 1, 8));
    for (const text of ["2026", "2026-13-01", "1 Jan 2026", "10:00", "2026-01-01x", ""])
      expect(parseMoment(text)).toBeUndefined();
  });
});

describe("x values", () => {
  it.each([
    [
      ["2026-01-01T00:00:00.000Z", "2026-01-02T00:00:00.000Z", "(none)"],
      ["2026-01-01", "2026-01-02", "(none)"],
      false,
    ],
    [
      ["2026-01-01T00:00:00.000Z", "2026-01-01T10:30:00.000Z"],
      ["2026-01-01 00:00", "2026-01-01 10:30"],
      true,
    ],
    [["2026-01-01T10:30:00", "2026-01-01T10:30:07"], ["2026-01-01 10:30:00", "2026-01-01 10:30:07"], false],
    [["2026-01-01T10:30:00.500Z"], ["2026-01-01 10:30:00.500"], true],
    [["2026-01-01T10:30:00Z", "total"], ["2026-01-01T10:30:00Z", "total"], false],
    [["2026-01-01T10:30:00Z", "2026-01-01T10:30:00"], ["2026-01-01T10:30:00Z", "2026-01-01T10:30:00"], false],
  ])("%j are shown as %j", (xs, texts, isUtc) => {
    expect(formatXs(xs)).toEqual({ texts, isUtc });
  });

  it("say in the name of their column that they are in UTC", () => {
    const page = pageOf([0, 1].map((hour) => ({ x: `2026-01-01T0${hour}:30:00.000Z`, y: hour })));
    expect(page).toContain('<th scope="col">x (UTC)</th>');
    expect(page).toContain('<th scope="row">2026-01-01 01:30</th>');
  });
});

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

describe("bars", () => {
  it("are seen however small their value is beside the others, on their own side of zero", () => {
    const page = pageOf(
      [1e6, 1, -1, 0].map((y, index) => ({ x: `k${index}`, y })),
      "bar",
    );
    const zero = Number(elements(page, "line").find((grid) => grid.class === "zero")?.y1);
    const [, up = 0, down = 0] = numbers(page, "rect", "y");
    expect(numbers(page, "rect", "height").slice(1)).toEqual([1, 1, 0]);
    expect(up).toBeCloseTo(zero - 1, 1);
    expect(down).toBeCloseTo(zero, 1);
  });

  it("are wide enough to be seen: many make the picture wider", () => {
    for (const length of [400, 5_000]) {
      const page = pageOf(
        count(length).map((index) => ({ x: `k${index}`, y: 1 + (index % 9) })),
        "bar",
      );
      expect(Math.min(...numbers(page, "rect", "width"))).toBeGreaterThan(1);
      const xs = numbers(page, "rect", "x");
      expect(Math.min(...xs.slice(1).map((x, index) => x - (xs[index] ?? 0)))).toBeGreaterThanOrEqual(2);
    }
    const few = pageOf([{ x: "a", y: 1 }], "bar");
    expect(few).toContain('viewBox="0 0 960 400" role');
  });
});

describe("labels", () => {
  const long = (end: string) => `Department of Finance and Controlling of the Whole Group, ${end}`;

  it.each([2, 5, 30, 300])("of %d long names stay within the picture and do not touch", (length) => {
    const page = pageOf(
      count(length).map((index) => ({ x: `${index} ${"WIDE NAME ".repeat(5)}`, y: 1 })),
      "bar",
    );
    const width = Number(/viewBox="0 0 (\d+)/.exec(page)?.[1]);
    let end = 0;
    for (const { x, text = "" } of xLabels(page)) {
      const half = textWidth(text) / 2;
      expect(Number(x) - half).toBeGreaterThanOrEqual(end - 0.01);
      end = Number(x) + half;
    }
    expect(end).toBeLessThanOrEqual(width);
  });

  it("that differ only at their ends differ when they are cut, and have the whole name", () => {
    const ends = count(40).map((index) => `of ${index}`);
    const page = pageOf(
      ends.map((end) => ({ x: long(end), y: 1 })),
      "bar",
    );
    const texts = xLabels(page).map(({ text }) => text);
    expect(texts[0]).toMatch(/^Departm.*….*of 0$/);
    expect(new Set(texts).size).toBe(texts.length);
    expect(page).toContain(`<title>${long("of 0")}</title></text>`);
  });

  it("are all there under a few bars, in up to three lines", () => {
    const names = ["Human Resources", "Research & Development of the Group", "IT"];
    const rows = [...names, ...count(8).map((index) => `Place ${index}`)].map((x) => ({ x, y: 1 }));
    const page = pageOf(rows, "bar");
    const found = xLines(page);
    expect(found).toHaveLength(11);
    expect(found.slice(0, 3)).toEqual([["Human", "Resources"], ["Research", "&amp;", "Developm…"], ["IT"]]);
    expect(page).toContain('viewBox="0 0 960 430"');
  });

  it.each([
    ["the words at their start", (index: number) => long(`number ${index} of them`), ["…3 of them"]],
    ["a long word", (index: number) => `${"Donaudampfschiff".repeat(5)}${index}`, ["…hiff3"]],
  ])("leave out %s, if they have no other difference", (_name, nameOf, third) => {
    const page = pageOf(
      count(10).map((index) => ({ x: nameOf(index), y: 1 })),
      "bar",
    );
    expect(xLines(page)[3]).toEqual(third);
  });

  it("are cut between characters", () => {
    expect(cutToWidth("🙂".repeat(20), 60)).toBe(`${"🙂".repeat(3)}…`);
    expect(cutToWidth("short", 60)).toBe("short");
  });
});

it("a page is dark on a dark screen, and light on paper", () => {
  const page = pageOf([{ x: "a", y: 1 }]);
  expect(page).toContain("@media screen and (prefers-color-scheme: dark)");
  expect(page).toMatch(/@media print \{\s+:root \{ color-scheme: light \}/);
});

it("series beyond the colours have another form", () => {
  const rows = count(20).flatMap((s) => [0, 1].map((index) => ({ x: day(index), s: `s${s}`, y: s })));
  const classes = [...pageOf(rows).matchAll(/<g class="([^"]+)"/g)].map(([, name]) => name);
  expect(classes).toHaveLength(20);
  expect(new Set(classes).size).toBe(20);
});
