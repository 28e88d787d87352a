import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { Workplace } from "../support/command.ts";

const template = fileURLToPath(new URL("../../template", import.meta.url));
const root = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));

const templateFiles = readdirSync(template, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => `${entry.parentPath}/${entry.name}`.slice(template.length + 1))
  .map((path) => path.replace(/^gitignore$/, ".gitignore"))
  .sort();

const ManifestSchema = z.object({
  name: z.string(),
  dependencies: z.record(z.string(), z.string()),
  devDependencies: z.record(z.string(), z.string()),
});

function manifestOf(place: Workplace, folder: string) {
  return ManifestSchema.parse(JSON.parse(readFileSync(place.path(`${folder}/package.json`), "utf8")));
}

test("a project has the files of the template, its own name, and the versions that Baton is tested with", async () => {
  const place = new Workplace({});
  const { code, json } = await place.baton(["init", "My Sales", "--yes", "--json"]);
  expect(code).toBe(0);
  expect(json).toEqual({ folder: place.path("My Sales"), created: templateFiles, kept: [] });
  const manifest = manifestOf(place, "My Sales");
  expect(manifest.name).toBe("my-sales");
  expect(manifest.dependencies).toEqual({ "baton-dag": root.version, zod: root.dependencies.zod });
  expect(manifest.devDependencies.node).toBe(root.devDependencies.node);
  for (const path of templateFiles)
    expect(readFileSync(place.path(`My Sales/${path}`), "utf8"), path).not.toMatch(/\{\{[@\w]/);
});

test("its workflows are valid, and commands find them from a folder in it", async () => {
  const place = new Workplace({});
  await place.baton(["init", "--dir", "app", "--yes"]);
  const { stdout, stderr } = await place.baton(["validate", "app/workflows"]);
  expect(stdout + stderr).toBe("valid: best-sellers, sales\n");
});

test("files that exist are never overwritten, also if they appear in a second call", async () => {
  const place = new Workplace({ "sales.ts": "mine\n" });
  place.write("package.json", '{"name":"mine"}');
  const first = await place.baton(["init", "--yes"]);
  expect(first.stdout).toContain("2 kept");
  // What the kept manifest may lack is shown.
  expect(first.stdout).toContain('"baton-dag"');
  expect(readFileSync(place.path("workflows/sales.ts"), "utf8")).toBe("mine\n");
  expect(readFileSync(place.path("package.json"), "utf8")).toBe('{"name":"mine"}');
  const second = await place.baton(["init", "--yes", "--json"]);
  expect(second.json).toEqual({ folder: place.folder, created: [], kept: templateFiles });
});

test("without --yes it asks, and any answer but yes creates nothing", async () => {
  const place = new Workplace({});
  const refused = await place.baton(["init", "app"], { input: "no\n" });
  expect(refused.code).toBe(2);
  expect(place.has("app")).toBe(false);
  expect((await place.baton(["init", "app"], { input: "yes\n" })).code).toBe(0);
  expect(place.has("app/package.json")).toBe(true);
});

test("a local package is named relative to the project", async () => {
  const place = new Workplace({});
  place.write("packages/baton-dag.tgz", "");
  await place.baton(["init", "deep/app", "--package", "packages/baton-dag.tgz", "--yes"]);
  const { dependencies } = manifestOf(place, "deep/app");
  expect(dependencies["baton-dag"]).toBe("file:../../packages/baton-dag.tgz");
});

test("two different folders are an error", async () => {
  const place = new Workplace({});
  const { code, stderr } = await place.baton(["init", "one", "--dir", "two", "--yes"]);
  expect(code).toBe(2);
  expect(stderr).toContain("Name the folder once");
});

test("the page on tests shows the test of the template", () => {
  const page = readFileSync(new URL("../../docs/testing.md", import.meta.url), "utf8");
  expect(page).toContain(readFileSync(`${template}/test/best-sellers.test.ts`, "utf8"));
});
