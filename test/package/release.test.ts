import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { temporaryFolder } from "../support/app.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const scripts = new URL("../../scripts/", import.meta.url);
const needed = ["@google-cloud/functions-framework", "zod"];

const ManifestSchema = z.object({
  dependencies: z.record(z.string(), z.string()),
  peerDependenciesMeta: z.record(z.string(), z.object({ optional: z.boolean() })),
});
const LockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({ dev: z.boolean().default(false), dependencies: z.record(z.string(), z.string()).default({}) }),
  ),
});

test("both packages have one version, and the changelog has its section", async () => {
  const { versionProblems } = await import(new URL("release.js", scripts).href);
  expect(versionProblems()).toEqual([]);
});

test("the published package brings two packages; DuckDB and the clients of services are not among them", async () => {
  const { stagePackage } = await import(new URL("stage.js", scripts).href);
  const staged = join(temporaryFolder(), "baton-dag");
  stagePackage(staged);
  const manifest = ManifestSchema.parse(JSON.parse(readFileSync(join(staged, "package.json"), "utf8")));
  expect(Object.keys(manifest.dependencies).sort()).toEqual(needed);
  expect(manifest.peerDependenciesMeta).toEqual({ "@duckdb/node-api": { optional: true } });
});

test("npm ci --omit=dev installs what a function may need, and nothing of the samples", () => {
  const { packages } = LockSchema.parse(JSON.parse(readFileSync(`${root}package-lock.json`, "utf8")));
  const { "": own, ...all } = packages;
  expect(Object.keys(own?.dependencies ?? {})).toEqual(expect.arrayContaining(needed));
  const installed = Object.entries(all).flatMap(([path, { dev }]) => (dev ? [] : [path]));
  expect(installed).toContain("node_modules/zod");
  const unwanted = /duckdb|tesseract|cheerio|unpdf|^samples/;
  expect(installed.filter((path) => unwanted.test(path))).toEqual([]);
});
