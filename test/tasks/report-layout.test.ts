import { expect, test } from "vitest";
import type { Row } from "../../src/ports/warehouse.ts";
import { readChartData } from "../../src/tasks/report/data.ts";
import { textWidth } from "../../src/tasks/report/labels.ts";
import { renderPage } from "../../src/tasks/report/page.ts";

const rows = (length: number, rowsOf: (index: number) => readonly Row[]): readonly Row[] =>
  Array.from({ length }, (_, index) => rowsOf(index)).flat();
const of = (
  length: number,
  x: (index: number) => string | null,
  y: (index: number) => number | string | null,
) => rows(length, (index) => [{ x: x(index), y: y(index), s: "v" }]);
const many = (length: number, series: number, x: (index: number) => string) =>
  rows(length, (index) =>
    Array.from({ length: series }, (_, at) => ({ x: x(index), y: 10 * at + (index % 7), s: `Series ${at}` })),
  );
const day = (index: number) => new Date(Date.UTC(2025, 0, 1 + index)).toISOString().slice(0, 10);
const hour = (index: number) => new Date(Date.UTC(2025, 2, 30, index)).toISOString();

const pictures: Readonly<Record<string, readonly Row[]>> = {
  "three series": many(12, 3, day),
  "400 days": of(400, day, (index) => 1000 + 300 * Math.sin(index / 20)),
  "400 days of three series": many(400, 3, day),
  "twenty series": many(6, 20, (index) => `Q${index}`),
  "negative values": of(
    10,
    (index) => `Region ${index}`,
    (index) => index * 10 - 50,
  ),
  "rows without a number": of(30, day, (index) => (index % 7 === 3 ? null : index)),
  "an x that is null": of(
    3,
    (index) => (index === 0 ? null : `R${index}`),
    (index) => index,
  ),
  "long names": of(
    12,
    (index) => `Department of Very Long Names, number ${index} of all`,
    () => 1,
  ),
  "long words": of(
    8,
    (index) => `${"Donaudampfschiff".repeat(4)}${index}`,
    () => 1,
  ),
  "names that are wide": of(
    14,
    (index) => `東京都千代田区丸の内${index}丁目`,
    () => 1,
  ),
  "one row": of(1, day, () => 42),
  "two days": of(2, day, (index) => index),
  "a hundred names": of(
    100,
    (index) => `SKU-${1000 + index}`,
    (index) => index % 13,
  ),
  hours: of(48, hour, (index) => index % 24),
  years: of(
    60,
    (index) => `${1966 + index}-01-01`,
    (index) => index,
  ),
  "tiny numbers": of(8, day, (index) => 1e-7 * (index + 1)),
  "huge numbers": of(8, day, (index) => 1.5e200 * (index + 1)),
  "tiny and huge numbers": of(
    3,
    (index) => `R${index}`,
    (index) => [0.0001, 1e12, 5][index] ?? 0,
  ),
  "equal numbers": of(10, day, () => 7.25),
  "a narrow band": of(30, day, (index) => 1e6 + Math.sin(index)),
  "a value far away": of(
    3,
    (index) => ["2025-01-01", "2025-01-02", "2025-12-31"][index] ?? "",
    (index) => index,
  ),
  "no numbers": of(5, day, () => null),
};

interface Box {
  readonly text: string;
  readonly left: number;
  readonly right: number;
  readonly top: number;
  readonly bottom: number;
}

const size = 12;

/** The boxes of all lines of text in a picture, by the width that a text has on average. */
function boxes(svg: string): readonly Box[] {
  return [...svg.matchAll(/<text class="([^"]*)" x="([\d.-]+)" y="([\d.-]+)">([\s\S]*?)<\/text>/g)].flatMap(
    ([, name = "", x, y, content = ""]) =>
      content
        .replace(/<title>[\s\S]*<\/title>/, "")
        .split(/<tspan[^>]*>/)
        .map((line, index) => {
          const text = line.replace("</tspan>", "").replaceAll("&amp;", "&");
          const width = textWidth(text);
          const shift = name.includes("middle") ? width / 2 : name.includes("end") ? width : 0;
          const left = Number(x) - shift;
          const bottom = Number(y) + index * 15;
          return { text, left, right: left + width, top: bottom - size, bottom };
        }),
  );
}

function overlap(one: Box, other: Box): boolean {
  const isBeside = one.right <= other.left || other.right <= one.left;
  return !isBeside && one.top < other.bottom && other.top < one.bottom;
}

test.each(
  Object.entries(pictures).flatMap(([name, data]) =>
    (["bar", "line"] as const).map((kind) => ({ name, kind, data })),
  ),
)(
  "the texts of a $kind chart of $name are within the picture, and none overlaps another",
  ({ kind, data }) => {
    const chart = readChartData(data, { x: "x", y: "y", series: "s" });
    const page = renderPage({ title: "T", kind, data: chart, note: undefined, footer: "" });
    const [, width, height] = /viewBox="0 0 (\d+) (\d+)"/.exec(page) ?? [];
    const found = boxes(page);
    expect(found.length).toBeGreaterThan(4);
    for (const { text, left, right, top, bottom } of found) {
      expect(Math.min(left, top), text).toBeGreaterThanOrEqual(0);
      expect(right, text).toBeLessThanOrEqual(Number(width) + 0.01);
      expect(bottom, text).toBeLessThanOrEqual(Number(height));
    }
    const touching = found.flatMap((one, index) =>
      found.slice(index + 1).flatMap((other) => (overlap(one, other) ? [[one.text, other.text]] : [])),
    );
    expect(touching).toEqual([]);
  },
);
