import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { errorsPage, workflowFilesPage } from "../scripts/reference-pages.ts";
import { errorCatalog } from "../src/core/errors/error-catalog.ts";
import { builtInTaskTypes } from "../src/tasks/index.ts";

const root = fileURLToPath(new URL("..", import.meta.url));
const pageOf = (name: string) => readFileSync(`${root}docs/${name}`, "utf8");

test("the pages of errors and fields say what the sources say: `npm run reference` writes them", () => {
  expect(pageOf("errors.md")).toBe(errorsPage());
  expect(pageOf("workflow-files.md")).toBe(workflowFilesPage());
});

test("every code of the catalogue, and every code that Baton gives an error, is on the page", () => {
  const page = pageOf("errors.md");
  const given = globSync("src/!(testing)/**/*.ts", { cwd: root }).flatMap((file) =>
    [...readFileSync(root + file, "utf8").matchAll(/\bcode: "([A-Z][A-Z_]+)"/g)].map(([, code = ""]) => code),
  );
  expect(given.length).toBeGreaterThan(50);
  const codes = new Set([...Object.keys(errorCatalog), ...given]);
  // A code of Node.
  codes.delete("ABORT_ERR");
  expect([...codes].filter((code) => !page.includes(`| \`${code}\` |`))).toEqual([]);
});

test("every built-in task type, with each of its parameters, is on the page of workflow files", () => {
  const page = pageOf("workflow-files.md");
  for (const name of builtInTaskTypes.keys()) expect(page).toContain(`### ${name}\n`);
  // A field without a description.
  expect(page).not.toMatch(/\| {2}\|$/m);
  for (const field of ["table", "maxResponseBytes", "ifRunning", "gitCommitish", "series"])
    expect(page).toMatch(new RegExp(`^\\| \`${field}\``, "m"));
});
