import { spawnSync } from "node:child_process";
import { symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";
import { blocksOf, pages, root } from "./page-blocks.ts";

const compiler = join(root, "node_modules/typescript/bin/tsc");
const settings = {
  compilerOptions: {
    target: "es2024",
    lib: ["es2024", "esnext.disposable"],
    module: "nodenext",
    types: ["node"],
    strict: true,
    noUncheckedIndexedAccess: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    noEmit: true,
    paths: {
      "baton-dag": [join(root, "dist/src/index.d.ts")],
      "baton-dag/testing": [join(root, "dist/src/testing/index.d.ts")],
    },
  },
  include: ["**/*.ts"],
};

/** A snippet that imports what it uses can be copied as a file. */
const isWhole = (text: string) => /^import /m.test(text);

test("every snippet with imports compiles, in a folder with the files of its page", () => {
  const place = new Workplace({});
  symlinkSync(join(root, "node_modules"), place.path("node_modules"));
  place.write("package.json", '{ "type": "module" }');
  place.write("tsconfig.json", JSON.stringify(settings));
  const snippets = pages.flatMap((page) =>
    blocksOf(page)
      .filter(({ language, text, file }) => language === "ts" && (file !== undefined || isWhole(text)))
      .map(({ file, line, text }) => ({ path: `${page}/${file ?? `workflows/line-${line}.ts`}`, text })),
  );
  expect(snippets.length).toBeGreaterThan(15);
  for (const { path, text } of snippets) place.write(path, text);
  const { status, stdout } = spawnSync(process.execPath, [compiler, "-p", "."], {
    cwd: place.folder,
    encoding: "utf8",
  });
  expect(stdout).toBe("");
  expect(status).toBe(0);
});
