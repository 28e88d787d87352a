import { execFile } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, test } from "vitest";

const root = fileURLToPath(new URL("../../", import.meta.url));
const left = /^(?:samples|node_modules|coverage|packages|dist-.*|\.git|\.baton)$/;
const folder = mkdtempSync(join(tmpdir(), "baton-without-samples-"));

/** This repository without samples/, with the packages that are installed. */
beforeAll(() => {
  for (const name of readdirSync(root).filter((each) => !left.test(each) && each !== "dist"))
    cpSync(join(root, name), join(folder, name), { recursive: true });
  // Copied last: a build is newer than its sources.
  cpSync(join(root, "dist"), join(folder, "dist"), { recursive: true });
  mkdirSync(join(folder, "node_modules"));
  for (const name of readdirSync(join(root, "node_modules")))
    if (name !== "baton-samples")
      symlinkSync(join(root, "node_modules", name), join(folder, "node_modules", name));
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each([
  ["lint", "@biomejs/biome/bin/biome", ["check", "--error-on-warnings", "."]],
  ["types", "typescript/bin/tsc", ["-b", "test"]],
  ["unused code", "knip/bin/knip.js", []],
  // These go through all files of the repository; test/architecture.test.ts says that no other names the samples.
  ["tests", "vitest/vitest.mjs", ["run", "--project", "functions"]],
] as const)("without samples/ the repository passes its check: %s", async (_, program, words) => {
  const parameters = [`${root}node_modules/${program}`, ...words];
  await promisify(execFile)(process.execPath, parameters, { cwd: folder, maxBuffer: 2 ** 26 });
});
