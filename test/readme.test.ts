import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { blocks } from "./readme-blocks.ts";

const root = fileURLToPath(new URL("..", import.meta.url));

// The commands are run in readme.long.test.ts.

test("the first example is a workflow of a new project, to the letter", () => {
  const [first] = blocks.filter((block) => block.language === "ts").map((block) => block.text);
  expect(first).toBe(readFileSync(`${root}template/workflows/sales.ts`, "utf8"));
});

test("the test command is what CI runs", () => {
  expect(readFileSync(`${root}.ci/run`, "utf8").trim().split("\n").at(-1)).toBe("npm ci && npm test");
  expect(blocks.map((block) => block.text.trim())).toContain("npm ci && npm test");
});

test("the folders that the README and the guides link to exist", () => {
  for (const file of ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"])
    for (const [, link = ""] of readFileSync(`${root}${file}`, "utf8").matchAll(/\]\(((?!http)[^)#]+)\)/g))
      if (!isOfSamples(link))
        expect(() => readLinked(join(root, link)), `${file} links to ${link}`).not.toThrow();
});

/** A clone may be without them. */
function isOfSamples(link: string): boolean {
  return link.startsWith("samples/") && !existsSync(`${root}samples`);
}

function readLinked(path: string): void {
  if (path.endsWith("/")) readdirSync(path);
  else readFileSync(path);
}
