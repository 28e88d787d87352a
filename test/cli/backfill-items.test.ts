import { writeFileSync } from "node:fs";
import fc from "fast-check";
import { expect, test } from "vitest";
import { fileItems } from "../../src/cli/backfill/file-items.ts";
import type { ItemSource } from "../../src/cli/backfill/items.ts";
import { SeenHashes } from "../../src/cli/backfill/items.ts";
import { BackfillProgress, progressText, showProgress } from "../../src/cli/backfill/progress.ts";
import { assertDays, dayItems, hasLaterSlot, slotItems } from "../../src/cli/backfill/slots.ts";
import type { Schedule } from "../../src/core/schedule/schedule.ts";
import { hashJson } from "../../src/core/values/json.ts";
import { temporaryFolder } from "../support/app.ts";

async function readAll(source: ItemSource): Promise<unknown[]> {
  const read: unknown[] = [];
  for await (const item of source.read()) read.push(item);
  return read;
}

async function readText(text: string | Uint8Array, name: string): Promise<unknown[]> {
  const path = `${temporaryFolder()}/${name}`;
  writeFileSync(path, text);
  const source = await fileItems(path);
  try {
    const first = await readAll(source);
    expect(await readAll(source)).toEqual(first);
    return first;
  } finally {
    await source.close();
  }
}

test.each([
  [
    "plain",
    "a,b\n1,2\n3,4\n",
    [
      { a: "1", b: "2" },
      { a: "3", b: "4" },
    ],
  ],
  [
    "CRLF, BOM, no line end at the end",
    "\uFEFFa,b\r\n1,2\r\n3,",
    [
      { a: "1", b: "2" },
      { a: "3", b: "" },
    ],
  ],
  [
    "quotes",
    'a,"b ""c"""\n"1,5","say ""no"""\n"",""\n',
    [
      { a: "1,5", 'b "c"': 'say "no"' },
      { a: "", 'b "c"': "" },
    ],
  ],
  ["line ends in quotes", 'a,b\n"1\r\n\r\n2",3\r\n', [{ a: "1\r\n\r\n2", b: "3" }]],
  ["blank lines", "a\n\n1\r\n\r\n2\n", [{ a: "1" }, { a: "2" }]],
  ["names that objects have", "__proto__,constructor\n1,2\n", [{ ["__proto__"]: "1", constructor: "2" }]],
  ["nothing but a header", "a,b\n", []],
  ["nothing", "", []],
])("csv: %s", async (_, text, values) => {
  const read = await readText(text, "items.csv");
  expect(read.map((item) => JSON.stringify(item).replace(/"where":"line \d+",/, ""))).toEqual(
    values.map((value) => JSON.stringify({ value })),
  );
});

test("csv: malformed rows are named by their first line, and the others are read", async () => {
  const bytes = Buffer.concat([
    Buffer.from('a,b\n1\n"x\ny",2\n1,2,3\n5" pipe,2\n"x"y,2\n'),
    Buffer.from([0xff, 0x2c, 0x32, 0x0a]),
    Buffer.from('7,8\n"never,\nclosed'),
  ]);
  expect(await readText(bytes, "items.csv")).toEqual([
    { where: "line 2", problem: "it has 1 cells, but the header has 2" },
    { where: "line 3", value: { a: "x\ny", b: "2" } },
    { where: "line 5", problem: "it has 3 cells, but the header has 2" },
    { where: "line 6", problem: "there is a quote inside a cell that does not begin with one" },
    { where: "line 7", problem: "there is text after the closing quote of a cell" },
    { where: "line 8", problem: "it is not UTF-8 text" },
    { where: "line 9", value: { a: "7", b: "8" } },
    { where: "line 10", problem: "the quote of a cell is never closed" },
  ]);
});

test.each(["a,,b\n1,2,3\n", "a,a\n1,2\n", '"a\n1\n'])("csv: the header %j is refused", async (text) => {
  await expect(readText(text, "items.csv")).rejects.toMatchObject({ code: "ITEMS_INVALID" });
});

test("csv: every value that was written is read", async () => {
  const cell = fc.string({ unit: fc.constantFrom("a", ",", '"', "\n", "\r", "\r\n", " ", "ü", "💡") });
  const row = fc.array(cell, { minLength: 2, maxLength: 4 });
  const quoted = (text: string) => `"${text.replaceAll('"', '""')}"`;
  const written = (text: string, quote: boolean) => (quote || /[",\n\r]/.test(text) ? quoted(text) : text);
  await fc.assert(
    fc.asyncProperty(fc.array(row), fc.boolean(), fc.constantFrom("\n", "\r\n"), async (rows, quote, end) => {
      const width = 4;
      const full = rows.map((cells) => Array.from({ length: width }, (_, column) => cells[column] ?? ""));
      const text = [["a", "b", "c", "d"], ...full]
        .map((cells) => cells.map((text) => written(text, quote)).join(",") + end)
        .join("");
      expect(await readText(text, "items.csv")).toMatchObject(
        full.map(([a, b, c, d]) => ({ value: { a, b, c, d } })),
      );
    }),
    { numRuns: 50 },
  );
});

test("ndjson: one value per line, across the chunks of the file", async () => {
  const values = Array.from({ length: 5_000 }, (_, n) => ({ n, text: "ü".repeat(n % 50) }));
  const text = values.map((value) => JSON.stringify(value)).join("\r\n\n");
  const read = await readText(text, "items.ndjson");
  expect(read).toEqual(values.map((value, n) => ({ where: `line ${2 * n + 1}`, value })));
});

test("ndjson: malformed lines are named, and the others are read", async () => {
  const bytes = Buffer.concat([
    Buffer.from('\uFEFF1\n{"a":\n'),
    Buffer.from([0x22, 0xff, 0x22, 0x0a]),
    Buffer.from(`${"[".repeat(300)}${"]".repeat(300)}\n`),
    Buffer.from(`"${"x".repeat(10_000_001)}"\nnull`),
  ]);
  expect(await readText(bytes, "items.jsonl")).toEqual([
    { where: "line 1", value: 1 },
    { where: "line 2", problem: expect.stringContaining("it is not JSON: ") },
    { where: "line 3", problem: "it is not UTF-8 text" },
    { where: "line 4", problem: "It nests deeper than 200 levels" },
    { where: "line 5", problem: "it is longer than 10000000 bytes" },
    { where: "line 6", value: null },
  ]);
});

test.each([
  ["2028-02-27", "2028-03-01", ["2028-02-27", "2028-02-28", "2028-02-29", "2028-03-01"]],
  ["2027-02-28", "2027-03-01", ["2027-02-28", "2027-03-01"]],
  ["2026-12-31", "2027-01-01", ["2026-12-31", "2027-01-01"]],
  ["2026-11-21", "2026-11-21", ["2026-11-21"]],
])("days from %s to %s", async (from, to, days) => {
  expect(await readAll(dayItems({ from, to }))).toEqual(
    days.map((date) => ({ where: date, value: { date } })),
  );
});

test.each([
  ["2026-11-22", "2026-11-21"],
  ["2027-02-29", "2027-03-01"],
  ["2026-02-01", "2026-02-30"],
  ["2026-13-01", "2027-01-01"],
  ["21.11.2026", "2026-11-22"],
  ["2026-11-21T00:00:00Z", "2026-11-22"],
])("no days from %s to %s", (from, to) => {
  expect(() => assertDays({ from, to })).toThrow(expect.objectContaining({ code: "USAGE" }));
});

const nightly: Schedule = { type: "schedule", cron: "59 23 * * *", timeZone: "America/Nuuk", missed: "skip" };
const weekly: Schedule = { type: "schedule", cron: "0 6 * * 0", timeZone: "UTC", missed: "skip" };

test("slots of a schedule in a range of days, with their input; the clock change skips one", async () => {
  const days = { from: "2026-03-27", to: "2026-03-29" };
  const read = await readAll(slotItems([nightly], days, Date.parse("2026-04-01")));
  expect(read).toEqual(
    ["2026-03-28T01:59:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:59:00Z"].map((scheduledAt, index) => ({
      where: scheduledAt,
      value: { scheduledAt, date: `2026-03-${27 + index}` },
      slot: { schedule: nightly, instant: Date.parse(scheduledAt) },
    })),
  );
});

test("slots of several schedules are ordered oldest first, and none is in the future", async () => {
  const days = { from: "2026-11-21", to: "2026-11-30" };
  const now = Date.parse("2026-11-23T01:59:00Z");
  expect(await readAll(slotItems([weekly, nightly], days, now))).toMatchObject([
    { where: "2026-11-22T01:59:00Z (59 23 * * * America/Nuuk)" },
    { where: "2026-11-22T06:00:00Z (0 6 * * 0 UTC)" },
    { where: "2026-11-23T01:59:00Z (59 23 * * * America/Nuuk)" },
  ]);
  expect(hasLaterSlot([weekly], days, now)).toBe(true);
  expect(hasLaterSlot([weekly], { from: "2026-11-21", to: "2026-11-28" }, now)).toBe(false);
  // On the 22nd in Nuuk it is the 23rd in UTC.
  expect(hasLaterSlot([nightly], { from: "2026-11-22", to: "2026-11-22" }, now)).toBe(false);
  expect(hasLaterSlot([nightly], { from: "2026-11-22", to: "2026-11-22" }, now - 3_600_001)).toBe(true);
});

test("seen hashes are distinguished from new ones, also when there are many", () => {
  const seen = new SeenHashes();
  const hashes = Array.from({ length: 5_000 }, (_, n) => hashJson(n));
  expect(hashes.every((hash) => seen.add(hash))).toBe(true);
  expect(hashes.some((hash) => seen.add(hash))).toBe(false);
});

test("progress shows the finished items, the rate and the time left", () => {
  const tally = new BackfillProgress({ items: 100 });
  expect(progressText(tally, 0)).toBe("0/100 done, 0 failed, 0 skipped");
  tally.succeeded = 19;
  tally.skipped = 20;
  tally.fail({ where: "line 1", batchId: "b", status: "ERROR", taskId: null, error: null });
  expect(progressText(tally, 10_000)).toBe("40/100 done, 1 failed, 20 skipped, 2.0/s, 30.0 s left");
});

test.each([true, false])(
  "progress is one line on a terminal, and many lines elsewhere: %s",
  async (isTTY) => {
    const written: string[] = [];
    const display = { isTTY, columns: 30, write: (text: string) => written.push(text) };
    const end = showProgress(display, new BackfillProgress({ items: 10 }), 5);
    await expect.poll(() => written.length).toBeGreaterThan(2);
    end();
    if (isTTY) {
      expect(written[0]).toBe("\r\u001b[K[--------------------] 0/10 d");
      expect(written.at(-1)).toBe("\r\u001b[K");
    } else expect(new Set(written)).toEqual(new Set(["0/10 done, 0 failed, 0 skipped\n"]));
  },
);
