import { expect, test } from "vitest";
import { scanCsv } from "../../../src/core/files/csv-scan.ts";
import { columns } from "./columns.ts";

async function kindsOf(cells: readonly string[]) {
  async function* texts() {
    yield `column\n${cells.map((cell) => `"${cell}"`).join("\n")}\n`;
  }
  return (await scanCsv(texts(), {}))?.kinds[0];
}

test.each(columns)("a column is %s when it holds %j", async (kind, cells) => {
  expect(await kindsOf(cells)).toBe(kind);
});

test("a mistake among hundreds is refused; a code among them makes the column text", async () => {
  const numbers = Array.from({ length: 300 }, (_, index) => String(index));
  expect(await kindsOf([...numbers, "0042"])).toBe("text");
  await expect(kindsOf([...numbers, "many"])).rejects.toThrow('line 302, column "column": "many" is not a');
});
