import { expect, test } from "vitest";
import { Workplace } from "../../support/command.ts";

/** Files that can't be loaded, modules that they import, and the place of each mistake. */
const files = {
  "syntax.ts": "\nexport default workflow(;\n",
  "script.js": "const a = 1;\nexport default (1;\n",
  "imports-syntax.ts": 'import "../lib/syntax.ts";\n',
  "../lib/syntax.ts": "\n\nexport const a: = 1;\n",
  "imports-script.ts": 'import "../lib/script.mjs";\n',
  "../lib/script.mjs": "\nconst = 1;\n",
  "no-export.ts": '// The rates.\nimport { rates } from "../lib/rates.ts";\n',
  "../lib/rates.ts": "export {};\n",
  "no-module.ts": 'import "node:fs";\nimport "./lib/none.ts";\n',
  "no-package.ts": '\nimport x from "no-such-package";\n',
  "imports-throwing.ts": 'import "../lib/throws.ts";\n',
  "../lib/throws.ts": 'throw new Error("no rates");\n',
  "name.ts": 'import { workflow } from "baton-dag";\nexport default workflow("a b");\n',
};

test("a file that can't be loaded is reported with line and column, also of a module that it imports", async () => {
  const place = new Workplace(files);
  const { code, stdout } = await place.process(["validate", "--json"]);
  const { problems }: { problems: { file: string; where: string; message: string }[] } = JSON.parse(stdout);
  const short = (path: string) => path.replace(`${place.folder}/`, "").replace("workflows/", "");
  expect(Object.fromEntries(problems.map(({ file, where }) => [short(file), short(where)]))).toEqual({
    "imports-script.ts": "lib/script.mjs:2:7",
    "imports-syntax.ts": "lib/syntax.ts:3:17",
    "imports-throwing.ts": "lib/throws.ts:1:7",
    "name.ts": "name.ts:2:16",
    "no-export.ts": "no-export.ts:2:10",
    "no-module.ts": "no-module.ts:2:8",
    "no-package.ts": "no-package.ts:2:15",
    "script.js": "script.js:2:18",
    "syntax.ts": "syntax.ts:2:25",
  });
  // The module as the code names it, and not as a build would.
  expect(problems.find(({ file }) => file.endsWith("no-module.ts"))?.message).toContain("none.ts'");
  expect(code).toBe(1);
});
