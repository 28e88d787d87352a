import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { compiled, projectFiles } from "../../src/deployment/project-files.ts";
import { temporaryFolder } from "../support/app.ts";

function project(files: Readonly<Record<string, string>>, patterns: readonly string[] = []) {
  const folder = join(temporaryFolder(), "app");
  for (const [name, text] of Object.entries(files)) {
    const path = join(folder, name);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  return { folder, found: projectFiles(folder, { workflows: join(folder, "workflows"), patterns }) };
}

test("the workflow folder is deployed with all that its files name, and nothing else", () => {
  const { found } = project({
    "workflows/sales.ts":
      'import { a } from "../lib/a.ts";\nconst sql = new URL("./sales.sql", import.meta.url);\n',
    "workflows/sales.sql": "SELECT 1",
    "workflows/deep/nightly.yaml": "workflow: nightly\n",
    "workflows/sales.test.ts": 'import "../test/helper.ts";\n',
    "workflows/.hidden": "",
    "lib/a.ts":
      'const later = () => import("./b.mjs"); export const data = "./data.json"; export * from "./a.ts";\n',
    "lib/b.mjs": "export {};\n",
    "lib/data.json": "{}",
    "lib/unused.ts": "",
    "test/helper.ts": "",
    "secrets/key.json": "{}",
  });
  expect(found).toEqual({
    files: [
      "lib/a.ts",
      "lib/b.mjs",
      "lib/data.json",
      "workflows/deep/nightly.yaml",
      "workflows/sales.sql",
      "workflows/sales.ts",
    ],
    problems: [],
  });
});

test("package.json may name more, by file, folder and pattern", () => {
  const files = {
    "workflows/a.ts": "",
    "models/x.bin": "",
    "models/y.bin": "",
    "maps/z.json": "",
    "n.txt": "",
  };
  const { found } = project(files, ["models", "maps/*.json", "../*"]);
  expect(found.files).toEqual(["maps/z.json", "models/x.bin", "models/y.bin", "workflows/a.ts"]);
});

test("an import from outside of the project is a problem, and so are two files with one name", () => {
  const place = project({ "workflows/a.ts": 'import "../../shared.ts";\n', "workflows/a.js": "" });
  writeFileSync(join(place.folder, "../shared.ts"), "");
  const { problems } = projectFiles(place.folder, {
    workflows: join(place.folder, "workflows"),
    patterns: [],
  });
  expect(problems).toEqual([
    expect.stringMatching(/^workflows\/a\.ts imports .*shared\.ts, which is outside of the project$/),
    "workflows/a.ts and workflows/a.js exist: remove one of them",
  ]);
});

test("types are removed where they were, so lines and columns stay", () => {
  const { folder } = project({
    "workflows/a.ts": "export const a: number = 1;\ntype B = string;\nthrow a as B;\n",
  });
  const lines = compiled(folder, "workflows/a.ts").toString().split("\n");
  expect(lines[0]?.replace(/ +/g, " ")).toBe("export const a = 1;");
  expect(lines[2]?.trimEnd().replace(/ +/g, " ")).toBe("throw a ;");
  expect(lines.length).toBe(4);
});

test("an enum is compiled, and text that is not TypeScript is refused, with the file", () => {
  const { folder } = project({ "workflows/a.ts": "export enum A { B = 7 }\n", "workflows/b.ts": "enum {\n" });
  expect(compiled(folder, "workflows/a.ts").toString()).toMatch(/A\["B"\] = 7/);
  expect(() => compiled(folder, "workflows/b.ts")).toThrow(/^workflows\/b\.ts can't be compiled: /);
});
