import { existsSync, mkdirSync } from "node:fs";
import { expect, test } from "vitest";
import { Workplace } from "../support/command.ts";
import { helloFiles } from "../support/command-workflows.ts";
import { runInProcess } from "../support/in-process.ts";

/** A project, and the command in a folder of it, with no variable that names a folder. */
function projectWith(manifest: object) {
  const place = new Workplace(helloFiles);
  place.write("package.json", JSON.stringify(manifest));
  mkdirSync(place.path("deep/er"), { recursive: true });
  const baton = (...words: string[]) =>
    runInProcess({
      words,
      folder: place.path("deep/er"),
      environment: { PATH: process.env.PATH ?? "" },
      input: "",
    });
  return { place, baton };
}

test("from a folder in a project, commands use its workflows and its data", async () => {
  const { place, baton } = projectWith({ devDependencies: { "baton-dag": "0.2.0" } });
  expect(await baton("validate")).toMatchObject({ code: 0, stdout: "valid: hello\n" });
  expect((await baton("batches")).stderr).toContain(`There is no data in ${place.path(".baton")} yet`);
  expect(place.has(".baton")).toBe(false);
  expect((await baton("run", "hello", "--input", '{"n":1}')).code).toBe(0);
  expect((await baton("batches")).stdout).toContain("hello-");
  expect(existsSync(place.path(".baton/baton.sqlite"))).toBe(true);
  expect(existsSync(place.path("deep/er/.baton"))).toBe(false);
});

test("outside of a project, a missing workflow folder is an error that says how to make a project", async () => {
  const { place, baton } = projectWith({ name: "something-else" });
  const { code, stderr } = await baton("validate");
  expect(code).toBe(2);
  expect(stderr).toContain("baton init");
  expect(place.has("deep/er/.baton")).toBe(false);
});
