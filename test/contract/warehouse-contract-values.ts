import { describe, expect, test } from "vitest";
import { TaskError } from "../../src/core/errors/errors.ts";
import type { JsonValue } from "../../src/core/values/json.ts";
import { casesOfToday } from "../support/cases-of-today.ts";
import { shorthand, type WarehouseUnderTest } from "./warehouse-contract-shorthand.ts";

/** A row of docs/values.md: an expression in both dialects and its JSON. Undefined: the engine has no such value. */
type Value = readonly [
  value: string,
  duckdb: string | undefined,
  bigquery: string | undefined,
  json: JsonValue,
];

const both = (value: string, sql: string, json: JsonValue): Value => [value, sql, sql, json];

export const values: readonly Value[] = [
  both("whole number to 2^53", "9007199254740991", 9007199254740991),
  both("whole number beyond 2^53", "9007199254740993", "9007199254740993"),
  both("whole number beyond −2^53", "-9223372036854775807", "-9223372036854775807"),
  [
    "whole number of 128 bits",
    "170141183460469231731687303715884105727::HUGEINT",
    undefined,
    "170141183460469231731687303715884105727",
  ],
  ["decimal that a double holds", "1.50::DECIMAL(38,9)", "NUMERIC '1.50'", 1.5],
  ["decimal that is whole", "100::DECIMAL(38,9)", "NUMERIC '100'", 100],
  [
    "decimal with more digits",
    "12345678901234567890.5::DECIMAL(38,9)",
    "NUMERIC '12345678901234567890.5'",
    "12345678901234567890.5",
  ],
  [
    "decimal of many places",
    "0.123456789012345678::DECIMAL(38,18)",
    "BIGNUMERIC '0.123456789012345678'",
    "0.123456789012345678",
  ],
  ["double", "0.1::DOUBLE", "CAST(0.1 AS FLOAT64)", 0.1],
  ["large double", "1e300::DOUBLE", "CAST(1e300 AS FLOAT64)", 1e300],
  ["minus zero", "'-0'::DOUBLE", "CAST('-0' AS FLOAT64)", 0],
  ["not a number", "'NaN'::DOUBLE", "CAST('NaN' AS FLOAT64)", "NaN"],
  ["infinity", "'inf'::DOUBLE", "CAST('inf' AS FLOAT64)", "Infinity"],
  ["minus infinity", "'-inf'::DOUBLE", "CAST('-inf' AS FLOAT64)", "-Infinity"],
  ["float of 32 bits", "1.1::FLOAT", undefined, 1.100000023841858],
  both("boolean", "true", true),
  both("text", "'Zoë'", "Zoë"),
  ["NULL", "NULL::BIGINT", "CAST(NULL AS INT64)", null],
  ["bytes", "from_base64('qgBh')", "FROM_BASE64('qgBh')", "qgBh"],
  ["no bytes", "''::BLOB", "FROM_BASE64('')", ""],
  both("day", "DATE '2024-01-05'", "2024-01-05"),
  both("first day", "DATE '0001-01-01'", "0001-01-01"),
  both("last day", "DATE '9999-12-31'", "9999-12-31"),
  ["day after the year 9999", "DATE '10000-01-01'", undefined, "10000-01-01"],
  ["day before the year 1", "DATE '0044-03-15 (BC)'", undefined, "0044-03-15 (BC)"],
  ["infinite day", "'infinity'::DATE", undefined, "infinity"],
  ["infinite day in the past", "'-infinity'::DATE", undefined, "-infinity"],
  both("time of day", "CAST('10:11:12' AS TIME)", "10:11:12"),
  both("time of day, milliseconds", "CAST('10:11:12.5' AS TIME)", "10:11:12.500"),
  both("time of day, microseconds", "CAST('10:11:12.000120' AS TIME)", "10:11:12.000120"),
  ["time of day with an offset", "'10:11:12.5+02'::TIMETZ", undefined, "10:11:12.500+02"],
  [
    "time without a zone",
    "TIMESTAMP '2024-01-05 10:00:00'",
    "DATETIME '2024-01-05 10:00:00'",
    "2024-01-05T10:00:00",
  ],
  [
    "time without a zone, milliseconds",
    "TIMESTAMP '2024-01-05 10:00:00.5'",
    "DATETIME '2024-01-05 10:00:00.5'",
    "2024-01-05T10:00:00.500",
  ],
  [
    "time without a zone, microseconds",
    "TIMESTAMP '1969-12-31 23:59:59.123456'",
    "DATETIME '1969-12-31 23:59:59.123456'",
    "1969-12-31T23:59:59.123456",
  ],
  [
    "time without a zone, nanoseconds",
    "TIMESTAMP_NS '2024-01-05 10:00:00.123456789'",
    undefined,
    "2024-01-05T10:00:00.123456789",
  ],
  ["infinite time without a zone", "'infinity'::TIMESTAMP", undefined, "infinity"],
  [
    "instant",
    "TIMESTAMPTZ '2024-01-05 12:00:00+02'",
    "TIMESTAMP '2024-01-05 12:00:00+02'",
    "2024-01-05T10:00:00.000Z",
  ],
  [
    "instant, microseconds",
    "TIMESTAMPTZ '2024-01-05 10:00:00.123456+00'",
    "TIMESTAMP '2024-01-05 10:00:00.123456+00'",
    "2024-01-05T10:00:00.123456Z",
  ],
  [
    "instant before 1970",
    "TIMESTAMPTZ '1969-12-31 23:59:59.999999+00'",
    "TIMESTAMP '1969-12-31 23:59:59.999999+00'",
    "1969-12-31T23:59:59.999999Z",
  ],
  [
    "first instant",
    "TIMESTAMPTZ '0001-01-01 00:00:00+00'",
    "TIMESTAMP '0001-01-01 00:00:00+00'",
    "0001-01-01T00:00:00.000Z",
  ],
  [
    "last instant",
    "TIMESTAMPTZ '9999-12-31 23:59:59.999999+00'",
    "TIMESTAMP '9999-12-31 23:59:59.999999+00'",
    "9999-12-31T23:59:59.999999Z",
  ],
  [
    "instant after the year 9999",
    "TIMESTAMPTZ '12024-01-05 10:00:00+00'",
    undefined,
    "+012024-01-05T10:00:00.000Z",
  ],
  ["instant far beyond", "TIMESTAMPTZ '290000-12-31 00:00:00+00'", undefined, "290000-12-31T00:00:00Z"],
  ["infinite instant", "'-infinity'::TIMESTAMPTZ", undefined, "-infinity"],
  both("interval", "INTERVAL 14 MONTH + INTERVAL 3 DAY + INTERVAL 3723 SECOND", "1-2 3 1:2:3"),
  both(
    "negative interval",
    "INTERVAL (-1) MONTH + INTERVAL (-2) DAY + INTERVAL (-1) SECOND",
    "-0-1 -2 -0:0:1",
  ),
  both("interval with a fraction", "INTERVAL 1500 MILLISECOND", "0-0 0 0:0:1.500"),
  both("JSON object", `JSON '{"a": {"b": [1, null]}}'`, { a: { b: [1, null] } }),
  both("JSON text", `JSON '"x"'`, "x"),
  both("JSON number", "JSON '1.5'", 1.5),
  both("JSON number that a double changes", `JSON '{"id": 7615917337495251231}'`, {
    id: "7615917337495251231",
  }),
  both("JSON null", "JSON 'null'", null),
  both("array", "[1, 2]", [1, 2]),
  ["empty array", "[]::BIGINT[]", "CAST([] AS ARRAY<INT64>)", []],
  ["NULL as an array", "NULL::BIGINT[]", "CAST(NULL AS ARRAY<INT64>)", []],
  ["array of JSON", "[JSON '1', JSON '{}']", "[JSON '1', JSON '{}']", [1, {}]],
  [
    "struct",
    "{'a': 1, 'b': DATE '2024-01-05'}",
    "STRUCT(1 AS a, DATE '2024-01-05' AS b)",
    { a: 1, b: "2024-01-05" },
  ],
  [
    "struct in a struct",
    "{'a': {'b': NULL::BIGINT, 'c': NULL::BIGINT[]}}",
    "STRUCT(STRUCT(CAST(NULL AS INT64) AS b, CAST(NULL AS ARRAY<INT64>) AS c) AS a)",
    { a: { b: null, c: [] } },
  ],
  [
    "array of structs",
    "[{'a': 9007199254740993}, {'a': NULL}]",
    "[STRUCT(9007199254740993 AS a), STRUCT(NULL AS a)]",
    [{ a: "9007199254740993" }, { a: null }],
  ],
  ["array in an array", "[[1, 2], NULL]", undefined, [[1, 2], []]],
  ["array of a fixed size", "[1, 2]::BIGINT[2]", undefined, [1, 2]],
  [
    "map",
    "MAP {'a': 1, 'b': NULL}",
    undefined,
    [
      { key: "a", value: 1 },
      { key: "b", value: null },
    ],
  ],
  ["union", "union_value(day := DATE '2024-01-05')", undefined, "2024-01-05"],
  ["variant", "[DATE '2024-01-05']::VARIANT", undefined, ["2024-01-05"]],
  [
    "UUID",
    "'0b5a2f04-5b0e-4b53-9e7d-7d0d3a1c9f00'::UUID",
    "'0b5a2f04-5b0e-4b53-9e7d-7d0d3a1c9f00'",
    "0b5a2f04-5b0e-4b53-9e7d-7d0d3a1c9f00",
  ],
  ["enum", "'a'::ENUM ('a', 'b')", undefined, "a"],
  ["bits", "'0101'::BIT", undefined, "0101"],
  ["point", "'POINT(1 2.5)'::GEOMETRY", "ST_GEOGPOINT(1, 2.5)", "POINT(1 2.5)"],
  ["range of days", undefined, "RANGE(DATE '2024-01-01', NULL)", "[2024-01-01, UNBOUNDED)"],
  [
    "range of instants",
    undefined,
    "RANGE(TIMESTAMP '2024-01-01 00:00:00+00', TIMESTAMP '2024-01-02 00:00:00.5+00')",
    "[2024-01-01T00:00:00.000Z, 2024-01-02T00:00:00.500Z)",
  ],
];

/** The JSON of values is the same in every warehouse. */
export function describeValues(
  dialect: "duckdb" | "bigquery",
  open: () => Promise<WarehouseUnderTest>,
): void {
  const start = async () => {
    const opened = await open();
    return { ...opened, ...shorthand(opened) };
  };

  describe("values have one JSON", () => {
    test("of each kind", async () => {
      const { rows } = await start();
      for (const [value, duckdb, bigquery, json] of values) {
        const sql = { duckdb, bigquery }[dialect];
        if (sql !== undefined)
          expect([value, await rows(`SELECT ${sql} AS v`)]).toEqual([value, [{ v: json }]]);
      }
    });

    test("and the same from a table", async () => {
      const { query, rows } = await start();
      for (const [index, [value, duckdb, bigquery, json]] of casesOfToday([...values.entries()], 15)) {
        const sql = { duckdb, bigquery }[dialect];
        if (sql === undefined || value === "variant") continue; // A table of DuckDB 1.4 has no VARIANT.
        await query(`SELECT ${sql} AS v`, { table: `t${index}` });
        expect([value, await rows(`SELECT v FROM t${index}`)]).toEqual([value, [{ v: json }]]);
      }
    });

    test("of one text in GoogleSQL, which DuckDB refuses where it would give another", async () => {
      const { rows } = await start();
      let refused = 0;
      for (const [value, , googlesql, json] of casesOfToday(values, 15)) {
        if (googlesql === undefined) continue;
        const found = await rows({ googlesql: `SELECT ${googlesql} AS v` }).catch((error: unknown) => error);
        if (found instanceof TaskError && /is not run on DuckDB/.test(found.message)) refused++;
        else expect([value, found]).toEqual([value, [{ v: json }]]);
      }
      expect(refused).toBeLessThanOrEqual(dialect === "duckdb" ? 6 : 0);
    });

    test.each([
      ["csv", "id,moment\n1,2026-10-31 10:30:00\n2,2026-10-31T10:30:00.000120+02:00\n"],
      [
        "jsonl",
        '{"id":1,"moment":"2026-10-31 10:30:00"}\n{"id":2,"moment":"2026-10-31T10:30:00.000120+02:00"}\n',
      ],
    ] as const)("the times of a %s file are instants, also in a table of a query", async (format, text) => {
      const { file, load, query, rows } = await start();
      await load(await file(`a.${format}`, text), {}, { format });
      const found = [{ moment: "2026-10-31T10:30:00.000Z" }, { moment: "2026-10-31T08:30:00.000120Z" }];
      expect(await rows("SELECT moment FROM orders ORDER BY id")).toEqual(found);
      await query("SELECT id, moment FROM orders");
      await query("SELECT id, moment FROM orders", { mode: "merge", key: ["id", "moment"] });
      expect(await rows("SELECT moment FROM summary ORDER BY id")).toEqual(found);
    });

    test("columns without a name are numbered", async () => {
      const { rows, query } = await start();
      const sql = "SELECT 1 + 1, 'x' AS x, count(*), sum(1) AS total, NULL";
      const row = { f0_: 2, x: "x", f1_: 1, total: 1, f2_: null };
      expect(await rows(sql)).toEqual([row]);
      expect(await rows(`SELECT * FROM (${sql}) AS inside`)).toEqual([row]);
      await query(sql, { table: "numbered" });
      expect(await rows("SELECT * FROM numbered")).toEqual([row]);
      expect(await rows("SELECT n.x, n.f0_ FROM numbered AS n UNION ALL SELECT 'y', 3 ORDER BY 2")).toEqual([
        { x: "x", f0_: 2 },
        { x: "y", f0_: 3 },
      ]);
    });

    test.each([
      "SELECT 1 AS a, 2 AS a",
      "SELECT 1 AS a, 2 AS A",
      "SELECT * FROM (SELECT 1 AS id) AS one CROSS JOIN (SELECT 2 AS id) AS two",
    ])("%s is refused", async (sql) => {
      const { rows, query } = await start();
      const refused = { code: "SQL_FAILED", retryable: false };
      await expect(rows(sql)).rejects.toMatchObject(refused);
      await expect(query(sql, { mode: "replace" })).rejects.toMatchObject(refused);
    });
  });
}
