import { gzipSync, zstdCompressSync } from "node:zlib";
import type { FileOptions } from "../../src/core/files/file-options.ts";

/** A file, and what comes of it on every engine. */
export interface FileCase {
  readonly name: string;
  /** Default: a CSV file. */
  readonly file?: "a.csv" | "a.jsonl";
  readonly text: string | Uint8Array;
  readonly options?: FileOptions;
  /** Loaded before, into the same table. */
  readonly before?: string;
  /** All rows of the table, by its first column; or how the file is refused. */
  readonly gives: readonly object[] | Refusal;
  /** The kinds of the columns, in their order. */
  readonly kinds?: readonly string[];
}

interface Refusal {
  readonly code: "FILE_UNREADABLE" | "FILE_EMPTY" | "TABLE_MISMATCH";
  readonly message: RegExp;
}

const refused = (message: RegExp): Refusal => ({ code: "FILE_UNREADABLE", message });
const mismatch = (message: RegExp): Refusal => ({ code: "TABLE_MISMATCH", message });
const ada = [{ id: 1, name: "Ada" }];
const adaCsv = "id,name\n1,Ada\n";

/** Cases of each rule of docs/files.md, by the words in the first column of its tables. */
export const fileRules: Readonly<Record<string, readonly FileCase[]>> = {
  encoding: [
    {
      name: "Windows-1252",
      text: latin("id,name\n1,Zoë €"),
      options: { encoding: "windows-1252" },
      gives: zoe("Zoë €"),
    },
    {
      name: "Latin-1",
      text: latin("id,name\n1,Zoë\x80"),
      options: { encoding: "iso-8859-1" },
      gives: zoe("Zoë\x80"),
    },
    { name: "UTF-16 with its mark", text: Buffer.from("\uFEFFid,name\n1,Ada\n", "utf16le"), gives: ada },
    {
      name: "UTF-16, big end first",
      text: Buffer.from("\uFEFFid,name\n1,Ada\n", "utf16le").swap16(),
      gives: ada,
    },
    {
      name: "UTF-16 as given",
      text: Buffer.from(adaCsv, "utf16le"),
      options: { encoding: "utf-16le" },
      gives: ada,
    },
    {
      name: "a mark beside another encoding",
      text: `\uFEFF${adaCsv}`,
      options: { encoding: "windows-1252" },
      gives: ada,
    },
    { name: "UTF-16 without its mark", text: Buffer.from(adaCsv, "utf16le"), gives: refused(/utf-16le/) },
    {
      name: "other bytes",
      text: latin("id,name\n1,a\n2,é\n"),
      gives: refused(/line 3: it is not UTF-8 text; .*encoding/),
    },
    {
      name: "JSON of Windows-1252",
      file: "a.jsonl",
      text: latin('{"id":1,"name":"Zoë"}\n'),
      options: { encoding: "windows-1252" },
      gives: zoe("Zoë"),
    },
  ],
  "zero bytes": [
    { name: "in a row", text: "id,name\n1,a\n2,b\0c\n", gives: refused(/line 3: it holds a zero byte/) },
  ],
  compression: [
    { name: "gzip", text: gzipSync(adaCsv), gives: ada },
    {
      name: "two members of gzip",
      text: Buffer.concat([gzipSync("id,name\n"), gzipSync("1,Ada\n")]),
      gives: ada,
    },
    { name: "Zstandard", text: zstdCompressSync(adaCsv), gives: ada },
    {
      name: "frames of Zstandard, as a parallel compressor writes them",
      text: Buffer.concat(["id,name\n", "1,Ada\n", "2,Bob\n"].map((part) => zstdCompressSync(part))),
      gives: [...ada, { id: 2, name: "Bob" }],
    },
    {
      name: "a file that is cut off",
      text: gzipSync(adaCsv).subarray(0, 25),
      gives: refused(/gzip, and damaged/),
    },
    {
      name: "half a frame",
      text: zstdCompressSync(adaCsv).subarray(0, 20),
      gives: refused(/Zstandard, and damaged/),
    },
    {
      name: "JSON in Zstandard",
      file: "a.jsonl",
      text: zstdCompressSync('{"id":1,"name":"Ada"}\n'),
      gives: ada,
    },
  ],
  delimiter: [
    { name: "semicolons", text: "id;name\n1;Ada\n", gives: ada },
    { name: "tabs", text: "id\tname\n1\tAda\n", gives: ada },
    { name: "bars", text: "id|name\n1|Ada\n", gives: ada },
    { name: "as given", text: "id:name\n1:Ada\n", options: { delimiter: ":" }, gives: ada },
    {
      name: "beside the decimal comma",
      text: "1,5;2,5\n3,5;4,5\n",
      options: { header: false, decimal: "," },
      gives: [
        { column_1: 1.5, column_2: 2.5 },
        { column_1: 3.5, column_2: 4.5 },
      ],
    },
    {
      name: "none beside the decimal comma",
      text: "price\n1,5\n",
      options: { decimal: "," },
      gives: [{ price: 1.5 }],
    },
    { name: "as a line for Excel says", text: "sep=;\r\nid;name\r\n1;Ada\r\n", gives: ada },
    {
      name: "a rare one",
      text: "id:n\n1:2\n",
      gives: refused(/line 1: its cells seem to be divided by ":"/),
    },
  ],
  quotes: [
    {
      name: "with all that needs them",
      text: 'id,name\n1,"a ""b"", c\nd"\n',
      gives: [{ id: 1, name: 'a "b", c\nd' }],
    },
    { name: "inside a cell", text: 'id,name\n1,5" pipe\n', gives: [{ id: 1, name: '5" pipe' }] },
    {
      name: "other ones",
      text: "id,name\n1,'a, b'\n",
      options: { quote: "'" },
      gives: [{ id: 1, name: "a, b" }],
    },
    { name: "none", text: 'id\tname\n1\t"a\n', options: { quote: "" }, gives: [{ id: 1, name: '"a' }] },
    {
      name: "that do not end",
      text: 'id,n\n1,2\n3,"4\n',
      gives: refused(/line 3: a quoted cell does not end/),
    },
    {
      name: "before more text",
      text: 'id,n\n1,"a"b\n',
      gives: refused(/line 2: a quoted cell has text after its end/),
    },
  ],
  "line ends": [
    { name: "CRLF", text: "id,name\r\n1,Ada\r\n", gives: ada },
    { name: "CR alone", text: "id,name\r1,Ada\r", gives: ada },
    { name: "none at the end", text: "id,name\n1,Ada", gives: ada },
    {
      name: "of several kinds",
      text: "id,name\n1,Ada\r\n2,Bob\n",
      gives: [...ada, { id: 2, name: "Bob" }],
    },
    { name: "CR after the header alone", text: "id,name\r1,Ada", gives: ada },
    { name: "others inside cells", text: 'id,name\r\n1,"a\nb"\r\n', gives: [{ id: 1, name: "a\nb" }] },
  ],
  "blank lines": [
    { name: "between rows", text: "\nid,name\n\n1,Ada\n\n", gives: ada },
    {
      name: "of one column",
      text: "name\nAda\n\nBob\n",
      gives: [{ name: "Ada" }, { name: "Bob" }, { name: null }],
    },
  ],
  "no rows": [
    { name: "a header alone", text: "id,name\n", gives: { code: "FILE_EMPTY", message: /no rows/ } },
    { name: "white space", text: "\n \n", gives: { code: "FILE_EMPTY", message: /no rows/ } },
    { name: "JSON", file: "a.jsonl", text: "[]", gives: { code: "FILE_EMPTY", message: /no rows/ } },
  ],
  "names of columns": [
    { name: "all of text", text: "country,capital\nCH,Bern\n", gives: [{ country: "CH", capital: "Bern" }] },
    { name: "without a name", text: ",id\nx,1\n", gives: [{ column_1: "x", id: 1 }] },
    { name: "in quotes and white space", text: '"id", name \n1,Ada\n', gives: ada },
    { name: "twice", text: "id,n,ID\n1,2,3\n", gives: refused(/line 1: column "ID" appears twice/) },
    {
      name: "of words of SQL",
      text: "select,rowid,row\n1,b,3\n",
      gives: [{ select: 1, rowid: "b", row: 3 }],
    },
  ],
  "characters of names": [
    { name: "that no engine has", text: "id,price (CHF)\n1,2\n", gives: [{ id: 1, "price _CHF_": 2 }] },
    { name: "over lines", text: 'id,"unit\nprice"\n1,2\n', gives: [{ id: 1, "unit price": 2 }] },
    {
      name: "that become the same",
      text: "a.b,a/b\n1,2\n",
      gives: refused(/line 1: columns "a.b" and "a\/b" .* "a_b"/),
    },
    {
      name: "that BigQuery keeps",
      text: "id,_PARTITIONTIME\n1,2\n",
      gives: refused(/line 1: .*BigQuery keeps for itself/),
    },
    { name: "too many", text: `id,${"x".repeat(301)}\n1,2\n`, gives: refused(/line 1: .*301 characters/) },
  ],
  "no header": [
    {
      name: "and no names",
      text: "1,Ada\n",
      options: { header: false },
      gives: [{ column_1: 1, column_2: "Ada" }],
    },
    {
      name: "and names",
      text: "1,Ada\n",
      options: { header: false, columns: [{ name: "id", type: "text" }, { name: "name" }] },
      gives: [{ id: "1", name: "Ada" }],
    },
    {
      name: "and too few names",
      text: "1,Ada\n",
      options: { header: false, columns: [{ name: "id" }] },
      gives: refused(/line 1: it has 2 columns, and the option columns names 1/),
    },
    {
      name: "and a short first row",
      text: "1\n2,Ada\n",
      options: { header: false, columns: [{ name: "id" }, { name: "name" }], allowMissing: true },
      gives: [
        { id: 1, name: null },
        { id: 2, name: "Ada" },
      ],
    },
    {
      name: "and a delimiter at the end of the first row",
      text: "1,Ada,\n",
      options: { header: false, columns: [{ name: "id" }, { name: "name" }] },
      gives: ada,
    },
    {
      name: "and names that no engine has",
      text: "1,2\n",
      options: { header: false, columns: [{ name: "id" }, { name: "price (CHF)", type: "text" }] },
      gives: [{ id: 1, "price _CHF_": "2" }],
    },
    {
      name: "and a name that BigQuery keeps",
      text: "1,2\n",
      options: { header: false, columns: [{ name: "id" }, { name: "_TABLE_n" }] },
      gives: refused(/line 1: .*BigQuery keeps for itself/),
    },
  ],
  "lines above the header": [
    {
      name: "as given",
      text: 'Report "Sales\n2026-10-31\n\nid,name\n1,Ada\n',
      options: { skipRows: 3 },
      gives: ada,
    },
    {
      name: "and a mistake below",
      text: "Report\nid,n\n1,2\n3\n",
      options: { skipRows: 1 },
      gives: refused(/line 4: it has 1 column where the header has 2/),
    },
  ],
  "width of rows": [
    {
      name: "too few cells",
      text: "id,n\n1,2\n3\n",
      gives: refused(/line 3: it has 1 column .* has 2; "n" is missing/),
    },
    {
      name: "too many cells",
      text: "id,n\n1,2\n\n3,4,5\n",
      gives: refused(/line 4: it has 3 columns .* has 2/),
    },
    { name: "a delimiter at the end", text: "id,name\n1,Ada,\n", gives: ada },
  ],
  allowMissing: [
    {
      name: "cells",
      text: "id,name,n\n1,Ada\n2\n",
      options: { allowMissing: true },
      gives: [
        { id: 1, name: "Ada", n: null },
        { id: 2, name: null, n: null },
      ],
    },
    {
      name: "columns of the table",
      before: "id,name\n1,Ada\n",
      text: "id\n2\n",
      options: { allowMissing: true },
      gives: [...ada, { id: 2, name: null }],
    },
    {
      name: "unless it is not given",
      before: adaCsv,
      text: "id\n2\n",
      gives: mismatch(/only in the table: name/),
    },
  ],
  "types of a new table": [
    {
      name: "by all values",
      text: "a,b,c,d,e,f\ntrue,1,1.5,2026-10-31,2026-10-31 10:30:00,x\nFALSE,-2,.5,2026-11-01,2026-11-01T00:00:00Z,1\n",
      gives: [
        { a: false, b: -2, c: 0.5, d: "2026-11-01", e: "2026-11-01T00:00:00.000Z", f: "1" },
        { a: true, b: 1, c: 1.5, d: "2026-10-31", e: "2026-10-31T10:30:00.000Z", f: "x" },
      ],
      kinds: ["boolean", "integer", "decimal", "date", "timestamp", "text"],
    },
    { name: "no values", text: "id,n\n1,\n", gives: [{ id: 1, n: null }], kinds: ["integer", "text"] },
    {
      name: "a mistake among hundreds",
      text: `n\n${"1\n".repeat(600)}x\n1\n`,
      gives: refused(/line 602, column "n": "x" is not an? .*\(the type as its other values say/),
    },
    {
      name: "a late fraction",
      text: `n\n${"1\n".repeat(700)}0.5\n`,
      gives: [{ n: 0.5 }, ...Array.from({ length: 700 }, () => ({ n: 1 }))],
      kinds: ["decimal"],
    },
  ],
  codes: [
    {
      name: "zeros, signs and many digits",
      text: "a,b,c\n02215,+41791234567,12345678901234567890\n10001,0,1\n",
      gives: [
        { a: "02215", b: "+41791234567", c: "12345678901234567890" },
        { a: "10001", b: "0", c: "1" },
      ],
    },
    { name: "0 alone", text: "n\n0\n", gives: [{ n: 0 }], kinds: ["integer"] },
  ],
  booleans: [
    {
      name: "true and false alone",
      text: "a,b,c\ntrue,yes,t\nFalse,no,f\n",
      gives: [
        { a: false, b: "no", c: "f" },
        { a: true, b: "yes", c: "t" },
      ],
    },
    { name: "1 and 0 are numbers", text: "a\n1\n0\n", gives: [{ a: 0 }, { a: 1 }], kinds: ["integer"] },
  ],
  numbers: [
    {
      name: "64 bits",
      text: "n\n9223372036854775807\n",
      gives: [{ n: "9223372036854775807" }],
      kinds: ["integer"],
    },
    {
      name: "with an exponent",
      text: "n\n1e3\n-2.5E-1\n",
      gives: [{ n: -0.25 }, { n: 1000 }],
      kinds: ["decimal"],
    },
    { name: "beyond a double", text: "n\n1e400\n", gives: [{ n: "1e400" }] },
    {
      name: "with a decimal comma, unless it is given",
      text: "id;n\n1;1,50\n",
      gives: [{ id: 1, n: "1,50" }],
    },
  ],
  "decimal comma": [
    {
      name: "groups and signs",
      text: "id;n;t\n1;1.234,50;a\n2;1'234;1,5\n3;-0,5;\n4;12,00-;x\n5;1 234 567,8;\n",
      options: { decimal: "," },
      gives: [
        { id: 1, n: 1234.5, t: "a" },
        { id: 2, n: 1234, t: "1,5" },
        { id: 3, n: -0.5, t: null },
        { id: 4, n: -12, t: "x" },
        { id: 5, n: 1234567.8, t: null },
      ],
      kinds: ["integer", "decimal", "text"],
    },
    {
      name: "points that divide no groups",
      text: "n\n1.5\n2,5\n",
      options: { decimal: ",", delimiter: ";" },
      gives: [{ n: "1.5" }, { n: "2,5" }],
    },
  ],
  "dates and times": [
    {
      name: "with offsets, and without seconds",
      text:
        "id,at\n1,2026-10-31 10:30:00+02:00\n2,2026-10-31T03:30:00-0500\n3,2026-10-31 08:30\n" +
        "4,2026-10-31\n5,2026-10-31 08:30:00.123456Z\n",
      gives: [
        { id: 1, at: "2026-10-31T08:30:00.000Z" },
        { id: 2, at: "2026-10-31T08:30:00.000Z" },
        { id: 3, at: "2026-10-31T08:30:00.000Z" },
        { id: 4, at: "2026-10-31T00:00:00.000Z" },
        { id: 5, at: "2026-10-31T08:30:00.123456Z" },
      ],
      kinds: ["integer", "timestamp"],
    },
    { name: "days that are none", text: "d\n2026-02-29\n", gives: [{ d: "2026-02-29" }] },
    { name: "written in another way", text: "d\n31.10.2026\n", gives: [{ d: "31.10.2026" }] },
    { name: "times of day", text: "t\n10:30:00\n", gives: [{ t: "10:30:00" }], kinds: ["text"] },
  ],
  dateFormat: [
    {
      name: "days and times",
      text: "d,t\n31.10.2026,31.10.2026 08:30\n01.02.2026,01.02.2026 23:59\n",
      options: { dateFormats: ["DD.MM.YYYY", "DD.MM.YYYY HH:mm"] },
      gives: [
        { d: "2026-02-01", t: "2026-02-01T23:59:00.000Z" },
        { d: "2026-10-31", t: "2026-10-31T08:30:00.000Z" },
      ],
      kinds: ["date", "timestamp"],
    },
    {
      name: "as in America",
      text: "t\n1/2/2026 12:05 AM\n12/31/2026 1:00 PM\n",
      options: { dateFormats: ["M/D/YYYY h:mm A"] },
      gives: [{ t: "2026-01-02T00:05:00.000Z" }, { t: "2026-12-31T13:00:00.000Z" }],
    },
    {
      name: "names of months",
      text: "d\n31-OCT-26\n",
      options: { dateFormats: ["DD-MMM-YY"] },
      gives: [{ d: "2026-10-31" }],
    },
    {
      name: "digits alone",
      text: "d\n20261031\n",
      options: { dateFormats: ["YYYYMMDD"] },
      gives: [{ d: "2026-10-31" }],
    },
    {
      name: "a day that is none",
      before: "id,d\n1,2026-10-31\n",
      text: "id,d\n2,31.02.2026\n",
      options: { dateFormats: ["DD.MM.YYYY"] },
      gives: refused(/line 2, column "d": "31.02.2026" is not a date \(the type of the table/),
    },
  ],
  "white space": [
    { name: "around values", text: "id,n,name\n1, 5 , a \n", gives: [{ id: 1, n: 5, name: " a " }] },
  ],
  "no value": [
    {
      name: "words",
      text: "id,n,d\n1,NA,null\n2,5,2026-10-31\n",
      gives: [
        { id: 1, n: null, d: null },
        { id: 2, n: 5, d: "2026-10-31" },
      ],
    },
    {
      name: "words in columns of text",
      text: "id,code\n1,NA\n2,CH\n",
      gives: [
        { id: 1, code: "NA" },
        { id: 2, code: "CH" },
      ],
    },
    {
      name: "a word that is both",
      text: "id,sex,n\n1,NA,NA\n2,f,5\n",
      gives: [
        { id: 1, sex: "NA", n: null },
        { id: 2, sex: "f", n: 5 },
      ],
    },
    {
      name: "words in quotes",
      text: 'id,n\n1,"NA"\n2,"5"\n',
      gives: [
        { id: 1, n: null },
        { id: 2, n: 5 },
      ],
    },
  ],
  "empty texts": [
    {
      name: "in quotes",
      text: 'id,name,n\n1,"",""\n2,,3\n',
      gives: [
        { id: 1, name: "", n: null },
        { id: 2, name: null, n: 3 },
      ],
    },
  ],
  nullValues: [
    {
      name: "in every column",
      text: "id,n,name\n1,-,-\n2,5,NA\n",
      options: { nullValues: ["-"] },
      gives: [
        { id: 1, n: null, name: null },
        { id: 2, n: 5, name: "NA" },
      ],
    },
  ],
  columns: [
    {
      name: "a type",
      text: "zip,n\n10001,1\n",
      options: { columns: [{ name: "ZIP", type: "text" }] },
      gives: [{ zip: "10001", n: 1 }],
      kinds: ["text", "integer"],
    },
    {
      name: "by the name that the file writes",
      text: "id,price (CHF)\n1,2\n",
      options: { columns: [{ name: "Price (CHF)", type: "text" }] },
      gives: [{ id: 1, "price _CHF_": "2" }],
    },
    {
      name: "a value that does not fit",
      text: "zip,n\n10001,x\n",
      options: { columns: [{ name: "n", type: "integer" }] },
      gives: refused(/line 2, column "n": "x" is not an integer \(the type in the option columns\)/),
    },
    {
      name: "an unknown column",
      text: adaCsv,
      options: { columns: [{ name: "zip", type: "text" }] },
      gives: refused(/line 1: there is no column "zip"/),
    },
  ],
  "an existing table": [
    {
      name: "sets the types",
      before: "id,n\n1,1.5\n",
      text: "n,id\n2,2\n",
      gives: [
        { id: 1, n: 1.5 },
        { id: 2, n: 2 },
      ],
    },
    {
      name: "takes 5.0 and midnight",
      before: "id,n,d\n1,1,2026-10-31\n",
      text: "id,n,d\n2,5.0,2026-11-01 00:00:00\n",
      gives: [
        { id: 1, n: 1, d: "2026-10-31" },
        { id: 2, n: 5, d: "2026-11-01" },
      ],
    },
    {
      name: "refuses what it would change",
      before: "id,n\n1,5\n",
      text: "id,n\n2,02215\n",
      gives: refused(/line 2, column "n": "02215" is not an? .*table/),
    },
    { name: "of other columns", before: "id,n\n1,5\n", text: "id,price\n2,3\n", gives: mismatch(/price/) },
  ],
  "wider values later": [
    {
      name: "a fraction for whole numbers",
      before: "id,n\n1,5\n",
      text: "id,n\n2,1.5\n",
      gives: refused(/line 2, column "n": "1.5" is not an? .*table/),
    },
    {
      name: "a text for numbers",
      before: "id,n\n1,5\n",
      text: "id,n\n2,x\n",
      gives: refused(/line 2, column "n": "x" is not an? .*table/),
    },
    {
      name: "numbers for text",
      before: "id,n\n1,x\n",
      text: "id,n\n2,5\n",
      gives: [
        { id: 1, n: "x" },
        { id: 2, n: "5" },
      ],
    },
  ],
  "JSON arrays": [
    {
      name: "over lines",
      file: "a.jsonl",
      text: '[\n  {"id": 1,\n   "name": "Ada"},\n  {"id": 2, "name": "a ] \\" }"}\n]\n',
      gives: [...ada, { id: 2, name: 'a ] " }' }],
    },
    {
      name: "with a mistake",
      file: "a.jsonl",
      text: '[{"id":1},\n{"id":x}]',
      gives: refused(/line 2: this is not JSON/),
    },
    {
      name: "an object over lines",
      file: "a.jsonl",
      text: '{\n"id":1\n}\n',
      gives: refused(/line 1: .*one JSON object/),
    },
  ],
  "JSON marks": [
    { name: "of the byte order", file: "a.jsonl", text: '\uFEFF{"id":1,"name":"Ada"}\n', gives: ada },
  ],
  "JSON keys": [
    {
      name: "that differ in case",
      file: "a.jsonl",
      text: '{"id":1,"a":1,"A":2}\n',
      gives: refused(/line 1: .*case makes no difference/),
    },
    {
      name: "without a name",
      file: "a.jsonl",
      text: '{"id":1}\n{"":2}\n',
      gives: refused(/line 2: .*without a name/),
    },
  ],
  "JSON texts": [
    {
      name: "days, times, ids and times of day",
      file: "a.jsonl",
      text:
        '{"d":"2026-10-31","t":"2026-10-31T08:30:00+02:00","u":"123e4567-e89b-12d3-a456-426614174000",' +
        '"h":"10:30","o":{"d":"01-02-2026"}}\n',
      gives: [
        {
          d: "2026-10-31",
          t: "2026-10-31T06:30:00.000Z",
          u: "123e4567-e89b-12d3-a456-426614174000",
          h: "10:30",
          o: { d: "01-02-2026" },
        },
      ],
      kinds: ["date", "timestamp", "text", "text", "object"],
    },
    {
      name: "most of them days",
      file: "a.jsonl",
      text: `${'{"d":"2026-10-31"}\n'.repeat(200)}{"d":"x"}\n`,
      gives: [...Array.from({ length: 200 }, () => ({ d: "2026-10-31" })), { d: "x" }],
      kinds: ["text"],
    },
  ],
  "JSON numbers": [
    {
      name: "that a double changes",
      file: "a.jsonl",
      text: '{"id":1}\n{"id":1.5}\n{"id":9007199254740993}\n',
      gives: refused(/line 3, column "id": .*as strings/),
    },
    {
      name: "of 64 bits",
      file: "a.jsonl",
      text: '{"id":9007199254740993}\n',
      gives: [{ id: "9007199254740993" }],
    },
    {
      name: "of more than 64 bits",
      file: "a.jsonl",
      text: '{"id":1}\n{"id":12345678901234567890}\n',
      gives: refused(/line 2, column "id": .*as strings/),
    },
    {
      name: "of more than 64 bits that are doubles",
      file: "a.jsonl",
      text: '{"id":1,"v":2}\n{"id":2,"v":10000000000000000000}\n',
      gives: [
        { id: 1, v: 2 },
        { id: 2, v: 10000000000000000000 },
      ],
      kinds: ["integer", "decimal"],
    },
  ],
  "JSON of several types": [
    {
      name: "a text and a number",
      file: "a.jsonl",
      text: '{"id":1,"v":"x"}\n{"id":2,"v":5}\n',
      gives: [
        { id: 1, v: "x" },
        { id: 2, v: 5 },
      ],
      kinds: ["integer", "json"],
    },
    {
      name: "null alone",
      file: "a.jsonl",
      text: '{"id":1,"v":null}\n',
      gives: [{ id: 1, v: null }],
      kinds: ["integer", "json"],
    },
    {
      name: "keys that differ from row to row",
      file: "a.jsonl",
      text: Array.from({ length: 12 }, (_, id) => `{"id":${id + 10},"m":{"k${id % 2}":1}}\n`).join(""),
      gives: Array.from({ length: 12 }, (_, id) => ({
        id: id + 10,
        m: id % 2 ? { k0: null, k1: 1 } : { k0: 1, k1: null },
      })),
    },
  ],
  "JSON fields": [
    {
      name: "that a line lacks",
      file: "a.jsonl",
      text: '{"id":1,"a":2}\n{"id":2}\n',
      gives: [
        { id: 1, a: 2 },
        { id: 2, a: null },
      ],
    },
    {
      name: "that the table lacks",
      file: "a.jsonl",
      before: "id\n1\n",
      text: '{"id":2,"a":1}\n',
      gives: mismatch(/\ba\b/),
    },
  ],
};

function latin(text: string): Uint8Array {
  return Buffer.from(text.replace("€", "\x80"), "latin1");
}

function zoe(name: string) {
  return [{ id: 1, name }];
}
