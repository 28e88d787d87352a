import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { realFiles, refusedFiles } from "./file-corpus.ts";
import { type FileCase, fileRules } from "./file-rules.ts";
import { shorthand, type WarehouseUnderTest } from "./warehouse-contract-shorthand.ts";

/** Every rule of docs/files.md, with the same outcome in every warehouse. */
export function describeFileRules(open: () => Promise<WarehouseUnderTest>): void {
  test("every rule of the documentation has cases", () => {
    const page = readFileSync(new URL("../../docs/files.md", import.meta.url), "utf8");
    const [, rules = ""] = page.split("## Rules\n");
    const documented = [...rules.matchAll(/^\| `?([^|`]+?)`? \|/gm)]
      .map(([, name]) => name)
      .filter((name) => !/^-+$|^rule$/.test(name ?? ""));
    expect(documented).toEqual(Object.keys(fileRules));
  });

  describe.each(Object.entries(fileRules))("%s", (_rule, cases) => {
    test.each(cases.map((one) => [one.name, one] as const))("%s", (_name, one) => tryCase(open, one));
  });
}

async function tryCase(
  open: () => Promise<WarehouseUnderTest>,
  { file: name = "a.csv", text, options, before, gives, kinds }: FileCase,
): Promise<void> {
  const opened = await open();
  const { load, loadText, rows } = shorthand(opened);
  const all = "SELECT * FROM orders ORDER BY 1";
  if (before !== undefined) await loadText(before);
  const earlier = before === undefined ? undefined : await rows(all);
  const format = name === "a.csv" ? "csv" : "jsonl";
  const loading = load(await opened.file(name, text), {}, { format, ...(options && { options }) });
  if (isRefusal(gives)) {
    const { code, message } = gives;
    const failure = { code, retryable: false, message: expect.stringMatching(message) };
    await expect(loading).rejects.toMatchObject(failure);
    if (earlier) expect(await rows(all)).toEqual(earlier);
    else await expect(rows(all)).rejects.toMatchObject({ code: "SQL_FAILED" });
    return;
  }
  await loading;
  const found = await rows(all);
  expect(before === undefined || found.length > 1).toBe(true);
  expect(sorted(found)).toEqual(sorted(gives));
  if (kinds) expect(await opened.kinds("orders")).toEqual(kinds);
}

function isRefusal(gives: FileCase["gives"]): gives is Exclude<FileCase["gives"], readonly object[]> {
  return "code" in gives;
}

/** Engines order NULL and texts in their own ways. */
function sorted(rows: readonly object[]): readonly object[] {
  const texts = new Map(rows.map((row) => [row, JSON.stringify(row)]));
  return [...rows].sort((one, other) => ((texts.get(one) ?? "") < (texts.get(other) ?? "") ? -1 : 1));
}

const kindLetters: Readonly<Record<string, string>> = {
  boolean: "b",
  integer: "i",
  decimal: "d",
  date: "D",
  timestamp: "T",
  text: "t",
  json: "j",
  list: "-",
  object: "{",
};

/** Files as programs write them, each in a table of its own. */
export function describeRealFiles(open: () => Promise<WarehouseUnderTest>): void {
  test.each(realFiles.map((one) => [one.from, one] as const))("%s", async (_from, one) => {
    const { file: name = "a.csv", text, options, kinds, rows: count, row } = one;
    const opened = await open();
    const { load, rows } = shorthand(opened);
    const format = name === "a.csv" ? "csv" : "jsonl";
    await load(await opened.file(name, text), {}, { format, ...(options && { options }) });
    const found = await rows("SELECT * FROM orders");
    expect(found).toContainEqual(row);
    expect(found).toHaveLength(count);
    expect((await opened.kinds("orders")).map((kind) => kindLetters[kind] ?? kind).join("")).toBe(kinds);
  });

  test.each(refusedFiles.map((one) => [one.from, one] as const))("%s is refused", async (_from, one) => {
    const { file: name = "a.csv", text, options, message } = one;
    const opened = await open();
    const { load, rows } = shorthand(opened);
    const format = name === "a.csv" ? "csv" : "jsonl";
    const loading = load(await opened.file(name, text), {}, { format, ...(options && { options }) });
    await expect(loading).rejects.toMatchObject({
      code: "FILE_UNREADABLE",
      retryable: false,
      message: expect.stringMatching(message),
    });
    await expect(rows("SELECT * FROM orders")).rejects.toMatchObject({ code: "SQL_FAILED" });
  });
}
