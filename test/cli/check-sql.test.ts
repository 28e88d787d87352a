import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";

const yaml = (sql: string) => `workflow: sums
tasks:
  - id: sum
    type: runQuery
    with:
      into: sums
      sql:
${sql}
`;

test("validate names unsupported GoogleSQL, with file and line", async () => {
  const place = new Workplace({
    "sums.yaml": yaml(
      "        googlesql: |\n          SELECT 1 AS a,\n            SOUNDEX(name) AS b FROM people",
    ),
  });
  const { code, json } = await place.baton(["validate", "workflows/sums.yaml", "--json"]);
  expect(code).toBe(1);
  expect(json.problems).toMatchObject([
    {
      code: "SQL_UNSUPPORTED",
      message: "line 2, column 3: SOUNDEX: the function is not supported here",
      where: expect.stringMatching(/sums\.yaml:10, task "sum", sql\.googlesql$/),
    },
  ]);
});

test("validate: a text that is no SQL is a mistake of the text", async () => {
  const place = new Workplace({ "sums.yaml": yaml("        googlesql: SELECT a FROM") });
  const { code, json } = await place.baton(["validate", "workflows/sums.yaml", "--json"]);
  expect(code).toBe(1);
  expect(json.problems).toMatchObject([
    { code: "SQL_FAILED", message: expect.stringMatching(/^it can't be parsed: .*line 1/) },
  ]);
});

test("validate: SQL in two forms at once is refused with the forms that there are", async () => {
  const place = new Workplace({
    "sums.yaml": yaml("        googlesql: SELECT 1 AS a\n        duckdb: SELECT 1 AS a"),
  });
  const { json } = await place.baton(["validate", "workflows/sums.yaml", "--json"]);
  expect(json.problems).toMatchObject([
    {
      code: "TASK_PARAMETERS_INVALID",
      message: "one text, or { googlesql: text }, or { duckdb: text, bigquery: text }",
    },
  ]);
});

test("validate: a text in GoogleSQL that both engines run is valid, whatever its tables are", async () => {
  const sql =
    "SELECT k, SUM(x) AS total FROM shop.sales WHERE day >= DATE(@since) GROUP BY k ORDER BY total DESC";
  const place = new Workplace({ "sums.yaml": yaml(`        googlesql: ${sql}`) });
  expect(await place.baton(["validate", "workflows/sums.yaml"])).toMatchObject({
    code: 0,
    stdout: "valid: sums\n",
    stderr: "",
  });
});

test("validate: warns of each word on which the engines differ, in a text for both", async () => {
  const place = new Workplace({
    "sums.yaml": yaml("        SELECT REGEXP_REPLACE(phone, ' ', '') AS phone, 'round(' AS word FROM people"),
  });
  const { code, stderr } = await place.baton(["validate", "workflows/sums.yaml"]);
  expect(code).toBe(0);
  expect(stderr).toContain(
    "REGEXP_REPLACE differs: BigQuery: replaces all matches; DuckDB: replaces the first match",
  );
  expect(stderr).not.toContain("ROUND");
});
