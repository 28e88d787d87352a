import { describe, expect, test } from "vitest";
import type { JsonObject, JsonValue } from "../../src/core/values/json.ts";
import { shorthand, type WarehouseUnderTest } from "./warehouse-contract-shorthand.ts";

/** What parameters of queries are in every warehouse. */
export function describeParameters(open: () => Promise<WarehouseUnderTest>): void {
  const start = async () => {
    const opened = await open();
    return { ...opened, ...shorthand(opened) };
  };

  describe("parameters have the types of their JSON", () => {
    const sqlOf = (text: string) => ({ duckdb: text.replaceAll("@", "$"), bigquery: text });

    test.each<[string, JsonObject]>([
      [
        "numbers of 32 bits and more",
        { a: 1, b: 3_000_000_000, c: Number.MAX_SAFE_INTEGER, d: 1e21, e: -1.5, f: 2 ** 53, g: 1e20 },
      ],
      ["texts and booleans", { a: "x", b: "", c: true, d: false }],
      ["nothing", { a: null }],
      ["lists of one type", { a: [1, 2], b: ["x"], c: [true, false], d: [0.5] }],
      ["lists with numbers of both kinds", { a: [1, 2.5], b: [2.5, 1], c: [1, 1e21], d: [1, 3_000_000_000] }],
      ["empty lists", { a: [] }],
      ["texts that look like other values", { a: "2026-10-01", b: "42", c: "true", d: "null", e: "[1]" }],
      ["numbers with a sign and none", { a: -3_000_000_000, b: -0.5, c: 1e-300, d: [-1, 0, 1] }],
      ["lists of texts with quotes and line ends", { a: ["it's", 'a "b"', "c\\d\n", ""] }],
      ["objects in objects", { a: { b: { c: [1, 2.5], d: "x" }, e: true } }],
      ["lists of objects with lists", { a: [{ tags: ["x"] }, { tags: ["y", "z"] }] }],
      ["objects with empty lists", { a: { x: 1, list: [] } }],
      ["objects", { a: { x: 1, y: "z", list: [1, 2.5] } }],
      [
        "lists of objects that differ",
        {
          a: [
            { x: 1, y: "z" },
            { x: 2.5, y: null },
          ],
        },
      ],
    ])("%s come back as they were", async (_name, parameters) => {
      const { rows } = await start();
      const names = Object.keys(parameters).map((name) => `@${name} AS ${name}`);
      expect(await rows(sqlOf(`SELECT ${names.join(", ")}`), parameters)).toEqual([parameters]);
    });

    test.each<[string, JsonValue, unknown]>([
      ["@p", [null, 2], [2]],
      ["@p", [2, null], [2]],
      ["@p", [null, 2.5], [2.5]],
      ["@p", [null, "x"], ["x"]],
      ["@p", [null, true], [true]],
    ])("what stands beside null in %s = %j is there", async (_text, p, found) => {
      const { rows } = await start();
      const sql = {
        duckdb: "SELECT x FROM (SELECT unnest($p) AS x) WHERE x IS NOT NULL",
        bigquery: "SELECT x FROM (SELECT unnest(@p) AS x) WHERE x IS NOT NULL",
      };
      expect((await rows(sql, { p })).map(({ x }) => x)).toEqual(found);
    });

    test("a text beside a day or a time is one, and beside a text it is text", async () => {
      const { loadText, rows } = await start();
      await loadText("id,day,moment,name\n1,2026-10-01,2026-10-01 08:00:00Z,2026-10-01\n");
      const found = (condition: string, p: JsonValue) =>
        rows(sqlOf(`SELECT id FROM orders WHERE ${condition}`), { p });
      expect(await found("day = @p", "2026-10-01")).toEqual([{ id: 1 }]);
      expect(await found("day > @p", "2026-09-30")).toEqual([{ id: 1 }]);
      expect(await found("moment = @p", "2026-10-01 10:00:00+02:00")).toEqual([{ id: 1 }]);
      expect(await found("moment < @p", "2026-10-01T08:00:00Z")).toEqual([]);
      expect(await found("name = @p", "2026-10-01")).toEqual([{ id: 1 }]);
      await expect(found("day = @p", "soon")).rejects.toMatchObject({ code: "SQL_FAILED" });
    });

    test("null has the type of the value it is used with, everywhere", async () => {
      const { loadText, query, rows } = await start();
      await loadText("id,n,day,name,yes\n1,1.5,2026-10-01,x,true\n");
      const conditions = ["id = @p", "n > @p", "day = @p", "name = @p", "yes = @p", "id = COALESCE(@p, 1)"];
      const found = conditions.map((condition) =>
        rows(sqlOf(`SELECT id FROM orders WHERE ${condition}`), { p: null }),
      );
      expect(await Promise.all(found)).toEqual([[], [], [], [], [], [{ id: 1 }]]);
      const optional = sqlOf(
        "SELECT id FROM orders WHERE (@p IS NULL OR name = @p) AND (@q IS NULL OR id = @q)",
      );
      expect(await rows(optional, { p: null, q: null })).toEqual([{ id: 1 }]);
      expect(await rows(optional, { p: "x", q: null })).toEqual([{ id: 1 }]);
      expect(await rows(optional, { p: null, q: 2 })).toEqual([]);
      expect(await query(optional, { mode: "append" }, { parameters: { p: null, q: null } })).toMatchObject({
        rows: 1,
      });
    });

    test("an empty list, or one of nulls only, has the type that it is compared with", async () => {
      const { loadText, rows } = await start();
      await loadText("id,name\n1,x\n");
      for (const column of ["id", "name"])
        for (const p of [[], [null]]) {
          const sql = {
            duckdb: `SELECT id FROM orders WHERE list_contains($p, ${column})`,
            bigquery: `SELECT id FROM orders WHERE list_contains(@p, ${column})`,
          };
          expect(await rows(sql, { p })).toEqual([]);
        }
    });

    test.each<[string, unknown, RegExp]>([
      ["undefined", undefined, /p is undefined, which is not JSON/],
      ["undefined in a list", [1, undefined], /p is undefined, which is not JSON/],
      ["undefined in an object", { a: undefined }, /p\.a is undefined, which is not JSON/],
      ["a bigint", 9_007_199_254_740_993n, /p is a bigint, which is not JSON: pass it as text/],
      ["a Date", new Date(0), /p is a Date, which is not JSON: pass its text/],
      ["a Map", new Map([["a", 1]]), /p is a Map, which is not JSON/],
      ["bytes", Buffer.from("x"), /p is a Buffer, which is not JSON/],
      ["a function", () => 1, /p is a function, which is not JSON/],
      ["NaN", Number.NaN, /p is NaN, which is not JSON/],
      ["infinity in a list", [1, Number.POSITIVE_INFINITY], /p is Infinity, which is not JSON/],
    ])("%s is no parameter", async (_name, p, message) => {
      const { rows } = await start();
      const refused = { code: "SQL_FAILED", retryable: false, message: expect.stringMatching(message) };
      // As code without types passes it.
      const parameters = { p } as JsonObject;
      await expect(rows(sqlOf("SELECT @p AS p"), parameters)).rejects.toMatchObject(refused);
    });

    test.each<[JsonValue, RegExp]>([
      [[1, "x"], /p holds numbers and texts/],
      [[true, 1], /p holds booleans and numbers/],
      [[{ a: 1 }, { a: "x" }], /p\.a holds numbers and texts/],
      [{}, /p is an object without fields/],
    ])("%j is SQL_FAILED", async (p, message) => {
      const { rows } = await start();
      const refused = { code: "SQL_FAILED", retryable: false, message: expect.stringMatching(message) };
      await expect(rows(sqlOf("SELECT @p AS p"), { p })).rejects.toMatchObject(refused);
    });
  });
}
