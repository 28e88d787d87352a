import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/app.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const page = readFileSync(`${root}docs/testing.md`, "utf8");
const snippets = [...page.matchAll(/^```ts test\n(.*?)^```$/gms)].map(([, text = ""]) => text);
/** `node:test` in place of vitest, with the few expectations of the page. */
const nodeTest = `import { test } from "node:test";\nimport { expect } from "./expect.ts";\n`;
const expectations = `import assert from "node:assert/strict";
export const expect = (value: any) => ({
  toBe: (other: any) => assert.equal(value, other),
  toEqual: (other: any) => assert.deepEqual(JSON.parse(JSON.stringify(value)), other),
  toMatchObject: (other: any) => assert.partialDeepStrictEqual(value, other),
});
`;

test("the page begins with an example, and has others", () => {
  expect(page.indexOf("```ts test")).toBeLessThan(40);
  expect(snippets.length).toBeGreaterThan(4);
});

test("every example of the page works in node:test, in a folder that stays empty, and the process ends", () => {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "node_modules"));
  symlinkSync(root, join(folder, "node_modules/baton-dag"));
  symlinkSync(join(root, "node_modules/zod"), join(folder, "node_modules/zod"));
  writeFileSync(join(folder, "package.json"), '{ "type": "module" }');
  writeFileSync(join(folder, "expect.ts"), expectations);
  const files = snippets.map((text, index) => {
    const name = `example-${index}.test.ts`;
    writeFileSync(join(folder, name), text.replace(/^import .* from "vitest";\n/m, nodeTest));
    return name;
  });
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  const { status, stdout, stderr } = spawnSync(process.execPath, ["--test", ...files], {
    cwd: folder,
    encoding: "utf8",
    env: { ...process.env, TMPDIR: temporary, NODE_TEST_CONTEXT: undefined },
  });
  expect(stdout + stderr).toMatch(/fail 0\b/);
  expect(status).toBe(0);
  const left = spawnSync("find", [folder, "-newer", join(folder, files.at(-1) ?? ""), "-type", "f"], {
    encoding: "utf8",
  });
  expect(left.stdout).toBe("");
  expect(spawnSync("ls", ["-A", temporary], { encoding: "utf8" }).stdout).toBe("");
});
