import { execFile } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { expect, test } from "vitest";

const project = fileURLToPath(new URL("..", import.meta.url));
const names = readdirSync(`${project}scripts/runs`).map((file) => file.slice(0, -".js".length));

test("the README shows how to run each sample", () => {
  const readme = readFileSync(`${project}README.md`, "utf8");
  const shown = [...readme.matchAll(/^npm run sample (\S+)$/gm)].map(([, name]) => name);
  expect(shown.sort()).toEqual(names.sort());
});

/** What the README says of each. */
const shows: Readonly<Record<string, RegExp>> = {
  "account-enrichment": /task\.completed was received 2 times: 1 id, 1 body/,
  "contributions-analysis": /library-roof \| 3015\.00/,
  documents: /notifications received: 1\b/,
  "search-index": /2 of 7 documents in \S+ hold: moka pot[\s\S]*0 of 7 documents in \S+ hold: Darjeeling/,
};

test.each(names)("%s runs from start to end", async (name) => {
  const { stdout } = await promisify(execFile)(process.execPath, [`${project}scripts/sample.js`, name]);
  expect(stdout).toMatch(shows[name] ?? /there is no text to look for/);
});
