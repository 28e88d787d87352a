import { DuckDBConnection } from "@duckdb/node-api";
import { expect, onTestFinished, test, vi } from "vitest";
import { castSql, lossyConversionSql, misfitSql } from "../../src/adapters/duckdb/column-types.ts";
import { convertingSelect, misfitsSelect } from "../../src/adapters/duckdb/conversion.ts";
import { sampleRows } from "../../src/core/files/column-kinds.ts";
import { Random } from "../../src/testing/world/random.ts";
import { seedOfToday, triesAllCases } from "../support/cases-of-today.ts";
import { kindByDefinition, openDuckDb } from "./duckdb-definition.ts";
import { makeWarehouse, never } from "./duckdb-harness.ts";

const typesOfKinds = {
  boolean: "BOOLEAN",
  integer: "BIGINT",
  decimal: "DOUBLE",
  date: "DATE",
  timestamp: "TIMESTAMP WITH TIME ZONE",
  text: "VARCHAR",
};

/** The statements that DuckDB is given until the test ends. */
function recordStatements(): readonly string[] {
  const statements: string[] = [];
  const run = DuckDBConnection.prototype.runAndReadAll;
  const spy = vi.spyOn(DuckDBConnection.prototype, "runAndReadAll").mockImplementation(function (
    this: DuckDBConnection,
    sql,
    ...others
  ) {
    statements.push(sql);
    return run.call(this, sql, ...others);
  });
  onTestFinished(() => spy.mockRestore());
  return statements;
}

const isExamined = (statements: readonly string[]) =>
  statements.some((sql) => sql.startsWith("CREATE TEMP TABLE _baton_raw"));

type Cell = string | null;
type Texts = (random: Random) => Cell;

const day = (random: Random) =>
  `${random.pick(["2026", "1999", "0987"])}-0${random.between(1, 9)}-${random.between(10, 28)}`;
const clock = (random: Random) => `1${random.between(0, 9)}:${random.between(10, 59)}`;
const texts = {
  boolean: (random) => random.pick(["true", "FALSE", "False"]),
  integer: (random) => String(random.between(-1_000_000, 1_000_000)),
  decimal: (random) => random.pick([random.next().toFixed(3), "-.5", "12.50", "1e5", "-0", "7.0"]),
  day,
  time: (random) =>
    `${day(random)}${random.pick([" ", "T"])}${clock(random)}:07${random.pick(["", "Z", ".5"])}`,
  offset: (random) => `${day(random)} ${clock(random)}${random.pick(["", ":30+02:00", ":30-0530"])}`,
  code: (random) => random.pick(["007", "+5", "12345678901234567890", "0042"]),
  word: (random) =>
    random.pick(["Bern", "1,5", "t", "2026-02-30", "24:00", "1e400", "1_000", "inf", "2026-1-1", "x"]),
  padded: (random) => ` ${random.between(1, 99)}\t`,
  missing: (random) => random.pick(["NA", "", null, " null ", "NaN"]),
} satisfies Record<string, Texts>;
const names = Object.keys(texts) as (keyof typeof texts)[];

/** Cells of one column: mostly of one sort, in one of several ways that the first rows may not show. */
function columnOf(random: Random): readonly Cell[] {
  const rows = random.pick([20, 900, 1_500, 4_000, sampleRows + 700]);
  const [main, other] = [texts[random.pick(names)], texts[random.pick(names)]];
  const late = Math.floor(rows * random.pick([0.1, 0.6, 0.99]));
  const share = random.pick([0.002, 0.009, 0.011, 0.03, 0.4]);
  const isOther = random.pick([
    () => false,
    () => random.chance(share),
    (row: number) => row === late,
    (row: number) => row >= late,
    (row: number) => row < late,
  ]);
  const missing = random.pick([0, 0, 0.05, 0.9]);
  return Array.from({ length: rows }, (_, row) =>
    random.chance(missing) ? texts.missing(random) : (isOther(row) ? other : main)(random),
  );
}

test("the types of generated columns are those of the definition, and so are the refusals", async () => {
  const statements = recordStatements();
  const count = triesAllCases ? 400 : 10;
  const paths = { direct: 0, examined: 0, refused: 0 };
  for (let index = 0; index < count; index++) {
    const seed = seedOfToday * 1_000 + index;
    const cells = columnOf(new Random(seed));
    const { kind, hasMisfits } = await kindByDefinition(cells);
    const { loadText, rows } = await makeWarehouse();
    const before = statements.length;
    const lines = cells.map((cell, row) => `${row},${cell === null ? "" : `"${cell}"`}`);
    const loading = loadText(`id,c\n${lines.join("\n")}\n`);
    if (hasMisfits) {
      paths.refused += 1;
      await expect(loading, `seed ${seed}`).rejects.toMatchObject({
        code: "FILE_UNREADABLE",
        message: expect.stringContaining(` ${kind} (the type as its other values say`),
      });
      continue;
    }
    expect(await loading, `seed ${seed}`).toMatchObject({ rows: cells.length });
    paths[isExamined(statements.slice(before)) ? "examined" : "direct"] += 1;
    expect(
      await rows("SELECT typeof(c) AS type, count(*) FILTER (id <> rowid) AS moved FROM orders GROUP BY 1"),
      `seed ${seed}`,
    ).toEqual([{ type: typesOfKinds[kind], moved: 0 }]);
  }
  // A day of few columns may miss one of the ways.
  if (triesAllCases) expect(Math.min(...Object.values(paths)), JSON.stringify(paths)).toBeGreaterThan(0);
});

test("a file of many columns has the types that the definition gives to each", async () => {
  const { loadText, rows } = await makeWarehouse();
  const random = new Random(seedOfToday);
  const columns = Array.from({ length: 60 }, () => {
    const main = texts[random.pick(names.filter((name) => name !== "word" && name !== "code"))];
    return Array.from({ length: 1_200 }, () => (random.chance(0.1) ? texts.missing : main)(random));
  });
  const head = columns.map((_, index) => `c${index}`);
  const lines = columns[0]?.map((_, row) =>
    columns.map((cells) => (cells[row] === null ? "" : `"${cells[row]}"`)).join(","),
  );
  await loadText(`${head.join(",")}\n${lines?.join("\n")}\n`);
  const found = await rows(
    `SELECT ${head.map((name) => `typeof(${name}) AS ${name}`).join(", ")} FROM orders LIMIT 1`,
  );
  const expected = await Promise.all(columns.map((cells) => kindByDefinition(cells)));
  expect(found).toEqual([
    Object.fromEntries(expected.map(({ kind }, index) => [`c${index}`, typesOfKinds[kind]])),
  ]);
});

/** Values, near misses, and changes of both. */
function textsToConvert(): readonly string[] {
  const random = new Random(seedOfToday);
  const known = [
    ..."0 -0 1 -1 7 007 +5 1.0 1.50 .5 5. -.5".split(" "),
    ..."1e5 1E-3 1e400 -1e400 1e-400 inf -inf infinity nan NaN 0x1F 1_000 1,5".split(" "),
    ..."9223372036854775807 9223372036854775808 -9223372036854775808 -9223372036854775809 99999999999999999999".split(
      " ",
    ),
    ..."123456789012345 1234567890123456 1234567890123456.0 123456789012345.678 0.1 0.10 2147483647 2147483648".split(
      " ",
    ),
    ..."127 128 255 256 -129 65535 65536 99999.999 99999.9994 1234567.1 12345.6785 0.0005".split(" "),
    ..."true TRUE True tRUE false False t f yes no on 1.".split(" "),
    ..."2026-10-31 2026-02-29 2024-02-29 0001-01-01 0000-01-01 9999-12-31".split(" "),
    ..."10000-01-01 410000-01-01 2026-1-1 2026/10/31 epoch".split(" "),
    ...["2026-10-31 00:00:00", "2026-10-31 00:00", "2026-10-31T00:00:00.000", "2026-10-31 10:30", "20261031"],
    ...[
      "2026-10-31 10:30:07",
      "2026-10-31T10:30:07Z",
      "2026-10-31T10:30:07.123456+02:00",
      "2026-10-31 10:30:07-05",
    ],
    ...["2026-10-31 10:30:07.1234567", "2026-10-31 24:00:00", "2026-10-31 10:30:60", "2026-10-31T10:30Z"],
    ...["1582-10-10 00:00:00", "0099-12-31 23:59:59.999999", "9999-12-31 23:59:59.999999Z", "44-03-15 (BC)"],
    ...[
      "10000-01-01 00:00:00",
      "0044-03-15 (BC) 00:00:00",
      "2026-10-31 10:30:07 UTC",
      "2026-10-31  10:30:07",
    ],
    ...[
      "",
      " ",
      "NA",
      " NA ",
      "null",
      "\\N",
      " 5",
      "5\t",
      "\n5",
      "5\u00a0",
      "５",
      "x",
      "Zürich",
      "-",
      ".",
      "e",
      "1e",
      "--1",
    ],
  ];
  const changed = Array.from({ length: triesAllCases ? 20_000 : 2_000 }, () => {
    const text = random.pick(known);
    const at = random.between(0, text.length);
    const extra = random.pick([..."0123456789-+.:eETZ _,", ""]);
    return text.slice(0, at) + extra + text.slice(at + random.between(0, 1));
  });
  return [...new Set([...known, ...changed])];
}

const types = [
  ...["BIGINT", "INTEGER", "SMALLINT", "TINYINT", "UINTEGER", "UBIGINT", "HUGEINT", "DOUBLE", "FLOAT"],
  ...["DECIMAL(18,3)", "DECIMAL(5,0)", "DECIMAL(38,10)", "DECIMAL(4,4)", "BOOLEAN", "DATE", "TIMESTAMP"],
  ...["TIMESTAMP WITH TIME ZONE", "TIMESTAMP_MS", "VARCHAR", "TIME", "UUID"],
];
const accepts = ["lossless", "inferred"] as const;

test.each(types.flatMap((type) => accepts.map((accept) => [type, accept] as const)))(
  "the shortcuts to %s accept no text that the rules refuse (%s), and change no value",
  async (type, accept) => {
    const { rows, appendTexts } = await openDuckDb();
    await rows("CREATE TABLE texts (row INTEGER, t VARCHAR)");
    await appendTexts("texts", textsToConvert());
    const column = { name: "t", type: "VARCHAR" };
    const missing = ["", "NA", "NaN", "null"];
    const rule = accept === "inferred" ? misfitSql : lossyConversionSql;
    await rows(
      `CREATE TABLE ruled AS SELECT row, t, ${rule(column, type, missing)} AS refused,
         ${castSql(column, type, missing)} AS value FROM texts`,
    );
    const conversions = [{ column, type, accepts: accept }];
    const count = async (where: string) => {
      const [found] = await rows(misfitsSelect(`(FROM ruled WHERE ${where})`, conversions, missing));
      return found?.misfits_0;
    };
    expect(await count("NOT refused")).toBe(0n);
    expect(await rows("SELECT count(*) AS n FROM ruled WHERE refused")).toEqual([
      { n: await count("refused") },
    ]);
    const converted = convertingSelect("FROM ruled WHERE NOT refused ORDER BY row", conversions, missing);
    const differing = await rows(
      `SELECT t FROM (FROM ruled WHERE NOT refused ORDER BY row) POSITIONAL JOIN (SELECT t AS found FROM (${converted}))
       WHERE value IS DISTINCT FROM found`,
    );
    expect(differing).toEqual([]);
  },
);

const plain =
  "id,n,x,day,name,at\n1,7,1.50,2026-10-31,Bern,2026-10-31 10:30:00\n2,8,.5,2026-11-01,Basel,2026-10-31T10:30:00Z\n";

test.each([
  ["append", []],
  ["merge", ["id"]],
  ["replace", []],
] as const)("a file without surprises is not read into a table of its own (%s)", async (mode, key) => {
  const { loadText, rows } = await makeWarehouse();
  const statements = recordStatements();
  await loadText(plain, { mode, key });
  await loadText(plain.replace("1,7", "3,7"), { mode, key });
  expect(isExamined(statements)).toBe(false);
  expect(await rows("SELECT max(id) AS most, sum(x) AS x FROM orders")).toHaveLength(1);
});

const numbered = (cells: readonly string[]) =>
  `id,c\n${cells.map((cell, index) => `${index},"${cell}"`).join("\n")}\n`;
const repeated = (cell: string, count: number) => Array.from({ length: count }, () => cell);

test.each([
  [["-5", "7"], "BIGINT"],
  [[".5"], "DOUBLE"],
  [["True"], "BOOLEAN"],
  [["False"], "BOOLEAN"],
  [["true", "FALSE", "false", "TRUE"], "BOOLEAN"],
  [["0987-10-31"], "DATE"],
  [["2026-10-31T10:30:00Z"], "TIMESTAMP WITH TIME ZONE"],
  [["x"], "VARCHAR"],
  [[...repeated("5", 200), "+5"], "VARCHAR"],
])("a column whose first values are missing gets the type of the others: %j is %s", async (cells, type) => {
  const { loadText, rows } = await makeWarehouse();
  await loadText(numbered([...repeated("NA", 2_000), ...cells]));
  expect(await rows("SELECT DISTINCT typeof(c) AS type FROM orders")).toEqual([{ type }]);
});

test.each([
  ["5", "7.0", "DOUBLE"],
  ["2026-10-31", "2026-10-31 00:00:00", "TIMESTAMP WITH TIME ZONE"],
])(
  "a column of %s is wider if a later value is %s, which its table would accept",
  async (first, later, type) => {
    const { loadText, rows } = await makeWarehouse();
    await loadText(numbered([...repeated(first, 2_000), later]));
    expect(await rows("SELECT DISTINCT typeof(c) AS type FROM orders")).toEqual([{ type }]);
  },
);

test("a few words in the first rows are mistakes among numbers, and text among other words", async () => {
  const { loadText, rows } = await makeWarehouse();
  const first = [...repeated("many", 20), ...repeated("5", 980)];
  await expect(loadText(numbered([...first, ...repeated("6", 3_000)]))).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(/line 2, column "c": "many" is not an integer/),
  });
  await loadText(numbered([...first, ...repeated("few", 3_000)]));
  expect(await rows("SELECT DISTINCT typeof(c) AS type FROM orders")).toEqual([{ type: "VARCHAR" }]);
});

test("a day that no time can hold is refused by a table of days", async () => {
  const { loadText } = await makeWarehouse();
  await loadText("d\n2026-10-31\n");
  await expect(loadText("d\n410000-01-01\n")).rejects.toMatchObject({
    code: "FILE_UNREADABLE",
    message: expect.stringMatching(/line 2, column "d": "410000-01-01" is not a date/),
  });
});

test("a file that repeats keys merges the last row of each, into a table of its types or a new one", async () => {
  const { loadText, rows } = await makeWarehouse();
  const into = { mode: "merge", key: ["id"] } as const;
  await loadText("id,n\n1,1\n2,2\n1,3\n", into);
  expect(await rows("FROM orders ORDER BY id")).toEqual([
    { id: 1, n: 3 },
    { id: 2, n: 2 },
  ]);
  expect(await loadText("id,n\n2,4\n3,5\n3,6\n2,7\n", into)).toMatchObject({ rows: 4, tableRows: 3 });
  expect(await rows("FROM orders ORDER BY id")).toEqual([
    { id: 1, n: 3 },
    { id: 2, n: 7 },
    { id: 3, n: 6 },
  ]);
});

test("a table whose times have no zone keeps them, as earlier versions have made it", async () => {
  const { warehouse, loadText, rows } = await makeWarehouse();
  const into = { table: "orders", mode: "replace", key: [] } as const;
  const sql = "SELECT 1 AS id, TIMESTAMP '2026-10-31 10:30:00' AS moment";
  await warehouse.query({ jobId: "earlier", sql, parameters: {}, into, signal: never });
  await loadText("id,moment\n2,2026-10-31 10:30:00+02:00\n");
  expect(await rows("SELECT moment FROM orders ORDER BY id")).toEqual([
    { moment: "2026-10-31T10:30:00" },
    { moment: "2026-10-31T08:30:00" },
  ]);
});
