import { describe, expect, it } from "vitest";
import type { Row } from "../../src/ports/warehouse.ts";
import { parseMoment, timeTicks } from "../../src/tasks/report/axes.ts";
import { cutToWidth, formatXs, textWidth } from "../../src/tasks/report/labels.ts";
import { cells, count, day, elements, groups, numbers, pageOf, xLabels, xLines } from "./report-page.ts";

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
