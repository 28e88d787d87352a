import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import type { FileOptions } from "../../src/core/files/file-options.ts";
import { shorthand, type WarehouseUnderTest } from "./warehouse-contract-shorthand.ts";

/** What is loaded, and the rows that come of it. */
interface Readable {
  readonly text: string | Uint8Array;
  readonly options?: FileOptions;
  readonly rows: readonly object[];
}

const people = [
  { id: 1, name: "Ada" },
  { id: 2, name: "Bob" },
];

const readable: Readonly<Record<string, Readable>> = {
  "divided by semicolons": { text: "id;name\n1;Ada\n2;Bob\n", rows: people },
  "divided by tabs": { text: "id\tname\n1\tAda\n2\tBob\n", rows: people },
  "divided by bars": { text: "id|name\n1|Ada\n2|Bob\n", rows: people },
  "divided as the options say": {
    text: "id:name\n1:Ada\n2:Bob\n",
    options: { delimiter: ":" },
    rows: people,
  },
  "divided by semicolons, with commas in its numbers": {
    text: "id;price\n1;1,50\n",
    rows: [{ id: 1, price: "1,50" }],
  },
  "of columns of text": {
    text: "country,capital\nCH,Bern\nFR,Paris\n",
    rows: [
      { country: "CH", capital: "Bern" },
      { country: "FR", capital: "Paris" },
    ],
  },
  "of codes": {
    text: "id,zip,phone,flag\n1,02215,+41791234567,t\n2,10001,12345678901234567890,f\n",
    rows: [
      { id: 1, zip: "02215", phone: "+41791234567", flag: "t" },
      { id: 2, zip: "10001", phone: "12345678901234567890", flag: "f" },
    ],
  },
  "with true, false, decimals and days": {
    text: "id,yes,x,day\n1,true,1.5,2026-10-31\n2,FALSE,-2,2026-11-01\n",
    rows: [
      { id: 1, yes: true, x: 1.5, day: "2026-10-31" },
      { id: 2, yes: false, x: -2, day: "2026-11-01" },
    ],
  },
  "with empty cells, and empty texts": {
    text: 'id,name\n1,""\n2,\n',
    rows: [
      { id: 1, name: "" },
      { id: 2, name: null },
    ],
  },
  "with NA among its numbers": {
    text: "id,n\n1,NA\n2,5\n",
    rows: [
      { id: 1, n: null },
      { id: 2, n: 5 },
    ],
  },
  "with the country NA": {
    text: "id,code\n1,NA\n2,CH\n",
    rows: [
      { id: 1, code: "NA" },
      { id: 2, code: "CH" },
    ],
  },
  "with nullValues": {
    text: "id,n,name\n1,-,-\n2,5,NA\n",
    options: { nullValues: ["-"] },
    rows: [
      { id: 1, n: null, name: null },
      { id: 2, n: 5, name: "NA" },
    ],
  },
  "with a column without a name": {
    text: '"",id\nx,1\n',
    rows: [{ column_1: "x", id: 1 }],
  },
  "whose rows end in a delimiter": { text: "id,name\n1,Ada,\n2,Bob,\n", rows: people },
  "that names its delimiter for Excel": { text: "sep=;\nid;name\n1;Ada\n2;Bob\n", rows: people },
  "with a byte order mark and CRLF": { text: "\uFEFFid,name\r\n1,Ada\r\n2,Bob\r\n", rows: people },
  "in gzip": { text: gzipSync("id,name\n1,Ada\n2,Bob\n"), rows: people },
  "in UTF-16": { text: Buffer.from("\uFEFFid,name\n1,Ada\n2,Bob\n", "utf16le"), rows: people },
  "with an offset behind minutes, which no database reads": {
    text: "id,moment\n1,2026-10-31T08:30Z\n2,2026-10-31 08:30+02:00\n",
    rows: [
      { id: 1, moment: "2026-10-31T08:30Z" },
      { id: 2, moment: "2026-10-31 08:30+02:00" },
    ],
  },
  "with numbers beyond those of a double": {
    text: "id,c\n1,1e400\n2,1.5\n",
    rows: [
      { id: 1, c: "1e400" },
      { id: 2, c: "1.5" },
    ],
  },
  "with names that databases have a meaning for": {
    text: "select,rowid,row,value_0\n1,b,3,x\n2,a,4,y\n",
    rows: [
      { select: 1, rowid: "b", row: 3, value_0: "x" },
      { select: 2, rowid: "a", row: 4, value_0: "y" },
    ],
  },
  "with names that JavaScript has a meaning for": {
    text: "id,constructor\n1,x\n",
    rows: [{ id: 1, constructor: "x" }],
  },
};

const refused: readonly (readonly [name: string, text: string | Uint8Array, message: RegExp])[] = [
  ["of too few columns", "id,n\n1,2\n3\n", /line 3: it has 1 column where the header has 2; "n" is missing/],
  ["of too many columns", "id,n\n1,2\n\n3,4,5\n", /line 4: it has 3 columns where the header has 2/],
  ["with a quote that does not end", 'id,n\n1,2\n3,"4\n', /line 3: a quoted cell does not end/],
  ["with text after a quote", 'id,n\n1,"a"b\n', /line 2: a quoted cell has text after its end/],
  ["of Latin-1", Buffer.from("id,name\n1,a\n2,\xe9\n", "latin1"), /line 3: it is not UTF-8 text/],
  [
    "of UTF-16 without its mark",
    Buffer.from("id,n\n1,2\n", "utf16le"),
    /UTF-16 without a byte order mark.*utf-16le/,
  ],
  ["with a name twice", "id,n,ID\n1,2,3\n", /line 1: column "ID" appears twice/],
  ["divided by a colon", "id:n\n1:2\n", /divided by ":"/],
];

/** Which files every warehouse reads, and how: the same rows of the same types, or the same refusal. */
export function describeFiles(open: () => Promise<WarehouseUnderTest>): void {
  const start = async () => {
    const opened = await open();
    return { ...opened, ...shorthand(opened) };
  };
  const all = "SELECT * FROM orders ORDER BY 1";

  for (const [name, { text, options, rows: expected }] of Object.entries(readable))
    test(`a CSV file ${name} has the same rows everywhere, again when it is added`, async () => {
      const { file, load, rows } = await start();
      const uri = await file("a.csv", text);
      await load(uri, {}, options && { options });
      expect(await rows(all)).toEqual(expected);
      expect(await load(uri, {}, options && { options })).toMatchObject({ tableRows: 2 * expected.length });
    });

  for (const [name, text, message] of refused)
    test(`a CSV file ${name} is refused in the same words everywhere, and loads nothing`, async () => {
      const { file, load, rows } = await start();
      await expect(load(await file("a.csv", text))).rejects.toMatchObject({
        code: "FILE_UNREADABLE",
        retryable: false,
        message: expect.stringMatching(message),
      });
      await expect(rows(all)).rejects.toMatchObject({ code: "SQL_FAILED" });
    });

  test.each([
    ["id,n\n1,5\n", "id,n\n1,5\n2,02215\n", /line 3, column "n": "02215" is not a/],
    ["id,n\n1,true\n", "id,n\n2,1\n", /line 2, column "n": "1" is not a/],
    ["id,n\n1,5\n", "id,n\n2,x\n", /"x" is not an? .*\(the type of (the )?table/],
    ["id,n\n1,1.5\n", "id,n\n2,1e400\n", /line 2, column "n": "1e400" is not a/],
    ["id,n\n1,1.5\n", "id,n\n2,1_000\n", /line 2, column "n": "1_000" is not a/],
    ["id,n\n1,2026-10-31\n", "id,n\n2,2026-02-30\n", /line 2, column "n": "2026-02-30" is not a/],
  ])("a table made by %j refuses %j, which it would change", async (first, second, message) => {
    const { loadText, rows } = await start();
    await loadText(first);
    await expect(loadText(second)).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      message: expect.stringMatching(message),
    });
    expect(await rows(all)).toHaveLength(1);
  });

  test.each([
    ['{"id":1}\n\n{"id":x}\n', "FILE_UNREADABLE", /line 3: this is not JSON/],
    ['{\n"id":1\n}\n', "FILE_UNREADABLE", /line 1: .*one JSON object/],
    ['[{"id":1},\n{"id":x}]', "FILE_UNREADABLE", /line 2: this is not JSON/],
    ['[{"id":1},\n\n2]', "FILE_UNREADABLE", /line 3: this is no object/],
    ['[{"id":1},\n]', "FILE_UNREADABLE", /line 2: there is a comma too many/],
    ['[{"id":1}\n', "FILE_UNREADABLE", /line 2: the array does not end/],
    ['[{"id":1}]\n{"id":2}', "FILE_UNREADABLE", /line 2: there is text after the end of the array/],
    ["[]", "FILE_EMPTY", /no rows/],
    ['{"id":1,"a":1,"A":2}\n', "FILE_UNREADABLE", /case makes no difference/],
    ["\n", "FILE_EMPTY", /no rows/],
    ['{"id":1}\n{"id":12345678901234567890123}\n', "FILE_UNREADABLE", /line 2, column "id": .* would become/],
    ['{"id":9007199254740993}\n{"id":1.5}\n', "FILE_UNREADABLE", /line 1, column "id": .* as strings/],
    ['{"id":9007199254740993}\n{"id":1.0}\n', "FILE_UNREADABLE", /line 1, column "id": .* as strings/],
    ['{"o":[{"x":0.5}]}\n{"o":[{"x":1e400}]}\n', "FILE_UNREADABLE", /line 2, column "o.x": .* too large/],
    ['{"price":99999999999999.99}\n', "FILE_UNREADABLE", /99999999999999.99 would become/],
    ['{"id":1}\n{"":2}\n', "FILE_UNREADABLE", /line 2: .*without a name/],
    ['{"id":"x"}\n{"id":"\\ud83d"}\n', "FILE_UNREADABLE", /line 2: the text of "id" holds half a character/],
    ["{}\n", "FILE_UNREADABLE", /no columns/],
  ])("JSON lines of %j are refused with their line", async (text, code, message) => {
    const { file, load } = await start();
    const loading = load(await file("a.jsonl", text), {}, { format: "jsonl" });
    await expect(loading).rejects.toMatchObject({ code, message: expect.stringMatching(message) });
  });

  test("JSON lines keep whole numbers of 64 bits, and fractions with more digits than a double has", async () => {
    const { file, load, rows } = await start();
    const text = '{"id":9007199254740993,"x":33.3333333333333333,"t":"12345678901234567.5"}\n';
    await load(await file("a.jsonl", text), {}, { format: "jsonl" });
    expect(await rows(all)).toEqual([
      { id: "9007199254740993", x: 33.333333333333336, t: "12345678901234567.5" },
    ]);
  });

  test("a whole number that a table of doubles would change is refused", async () => {
    const { file, load, rows } = await start();
    await load(await file("a.jsonl", '{"x":0.5}\n'), {}, { format: "jsonl" });
    const loading = load(await file("b.jsonl", '{"x":9007199254740993}\n'), {}, { format: "jsonl" });
    await expect(loading).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      message: expect.stringMatching(/line 1, column "x".*9007199254740993/),
    });
    expect(await rows(all)).toEqual([{ x: 0.5 }]);
  });

  test.each(["append", "merge"] as const)(
    "a field of the table that no line has is NULL, with mode %s",
    async (mode) => {
      const { file, load, rows } = await start();
      const to = { mode, key: mode === "merge" ? ["id"] : [] };
      await load(await file("a.jsonl", '{"id":1,"name":"Ada","o":{"x":1}}\n'), to, { format: "jsonl" });
      await load(await file("b.jsonl", '{"id":2}\n'), to, { format: "jsonl" });
      expect(await rows("SELECT id, name FROM orders ORDER BY id")).toEqual([
        { id: 1, name: "Ada" },
        { id: 2, name: null },
      ]);
      expect(await rows("SELECT id FROM orders WHERE o IS NULL")).toEqual([{ id: 2 }]);
    },
  );

  test.each(['{"a":1}', "[1]", '[{"a":1}]'])("%s is refused for a column of text", async (value) => {
    const { file, load, rows } = await start();
    await load(await file("a.jsonl", '{"v":"x"}\n'), {}, { format: "jsonl" });
    const loading = load(await file("b.jsonl", `{"v":${value}}\n`), {}, { format: "jsonl" });
    await expect(loading).rejects.toMatchObject({ code: "FILE_UNREADABLE" });
    expect(await rows(all)).toEqual([{ v: "x" }]);
  });

  test("a fraction in JSON lines is refused for a column of whole numbers", async () => {
    const { file, load, rows } = await start();
    await load(await file("a.jsonl", '{"n":7}\n'), {}, { format: "jsonl" });
    const loading = load(await file("b.jsonl", '{"n":1}\n{"n":1.5}\n'), {}, { format: "jsonl" });
    await expect(loading).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      message: expect.stringMatching(/line 2.*1\.5/),
    });
    expect(await rows(all)).toEqual([{ n: 7 }]);
  });

  test("times with an offset are the moments that they name", async () => {
    const { loadText, rows } = await start();
    await loadText(
      "id,moment\n1,2026-10-31 10:30:00+02:00\n2,2026-10-31T03:30:00-0500\n3,2026-10-31T08:30:00Z\n",
    );
    const moments = (await rows("SELECT moment FROM orders ORDER BY id")).map(({ moment }) => String(moment));
    expect(moments.map((moment) => moment.slice(0, 19))).toEqual(Array(3).fill("2026-10-31T08:30:00"));
  });

  test("a time keeps its millionths of a second", async () => {
    const { loadText, rows } = await start();
    await loadText("moment\n2026-10-31 10:30:00.123456Z\n1969-12-31 23:59:59.999999Z\n");
    expect(await rows("SELECT moment FROM orders ORDER BY moment")).toEqual([
      { moment: expect.stringMatching(/^1969-12-31T23:59:59\.999999Z?$/) },
      { moment: expect.stringMatching(/^2026-10-31T10:30:00\.123456Z?$/) },
    ]);
  });

  test("the last of several rows counts in a file with a column called rowid", async () => {
    const { loadText, rows } = await start();
    await loadText("id,rowid\n1,9\n1,5\n1,7\n", { mode: "merge", key: ["id"] });
    expect(await rows(all)).toEqual([{ id: 1, rowid: 7 }]);
  });

  test("a new field inside an object does not vanish", async () => {
    const { file, load, rows } = await start();
    await load(await file("a.jsonl", '{"id":1,"o":{"a":1}}\n'), {}, { format: "jsonl" });
    const loading = load(await file("b.jsonl", '{"id":2,"o":{"a":1,"b":2}}\n'), {}, { format: "jsonl" });
    await expect(loading).rejects.toMatchObject({
      code: "TABLE_MISMATCH",
      message: expect.stringMatching(/o\.b/),
    });
    expect(await rows(all)).toHaveLength(1);
  });
}
