import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { findProject } from "../../src/configuration/project.ts";
import { temporaryFolder } from "../support/app.ts";

/** A folder with `package.json` files: each one by the folder that it is in. */
function folderWith(manifests: Readonly<Record<string, unknown>>): string {
  const place = temporaryFolder();
  for (const [folder, manifest] of Object.entries(manifests)) {
    mkdirSync(join(place, folder), { recursive: true });
    const text = typeof manifest === "string" ? manifest : JSON.stringify(manifest);
    writeFileSync(join(place, folder, "package.json"), text);
  }
  mkdirSync(join(place, "a/b/c"), { recursive: true });
  return place;
}

test.each([
  ["a dependency", { dependencies: { "baton-dag": "0.2.0" } }],
  ["a development dependency", { devDependencies: { "baton-dag": "file:../baton-dag.tgz" } }],
  ["a field", { baton: {} }],
])("%s makes a project of a folder, for all folders below it", (_, manifest) => {
  const place = folderWith({ a: manifest });
  const project = { folder: join(place, "a"), workflows: join(place, "a/workflows") };
  expect(findProject(join(place, "a"))).toEqual(project);
  expect(findProject(join(place, "a/b/c"))).toEqual(project);
  expect(findProject(place)).toBeUndefined();
});

test("other packages on the way up are passed, and the nearest project counts", () => {
  const place = folderWith({
    ".": { baton: {} },
    a: { dependencies: { "baton-dag": "1" }, baton: { workflows: "flows/mine" } },
    "a/b": { name: "baton-dag-tools", dependencies: { zod: "4" } },
    "a/b/c": "not JSON {",
  });
  expect(findProject(join(place, "a/b/c"))).toEqual({
    folder: join(place, "a"),
    workflows: join(place, "a/flows/mine"),
  });
  expect(findProject(place)?.folder).toBe(place);
});

test.each([{ workflow: "x" }, { workflows: "" }, "workflows"])("the field %j is refused", (baton) => {
  const place = folderWith({ ".": { baton } });
  expect(() => findProject(place)).toThrow(
    expect.objectContaining({ code: "CONFIGURATION_INVALID", where: join(place, "package.json") }),
  );
});
