import { readFile } from "node:fs/promises";
import { expect, test } from "vitest";
import { values } from "./warehouse-contract-values.ts";

const code = (text: string | undefined) => (text === undefined ? "" : `\`${text}\``);

test("docs/values.md lists exactly the values that the contract tests", async () => {
  const page = await readFile(new URL("../../docs/values.md", import.meta.url), "utf8");
  const listed = page.split("\n").filter((line) => /^\|.*\|.*\|.*\|.*\|$/.test(line));
  const tested = values.map(
    ([value, duckdb, bigquery, json]) =>
      `| ${value} | ${code(duckdb)} | ${code(bigquery)} | ${code(JSON.stringify(json))} |`,
  );
  expect(listed.slice(2)).toEqual(tested);
});
