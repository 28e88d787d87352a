import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import * as z from "zod";
import { temporaryFolder } from "../support/app.ts";
import { runShell } from "../support/child-process.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const documentation = readFileSync(join(root, "docs/deploy.md"), "utf8");
const [, section = ""] = documentation.split(/^## Your own workflows$/m);
const blocks = [...(section.split(/^## /m)[0] ?? "").matchAll(/^```\w+ ?(?:file=(\S+))?\n(.*?)^```$/gms)];

const PlanSchema = z.object({
  warnings: z.array(z.string()),
  deployment: z.object({ workflowIds: z.array(z.string()) }),
});

/** What `npm test` does but for the tests, whose project this one is. */
const checks = ["npm run lint", "npm run build", "npm run typecheck", "npm run unused"];

/** The project as a clone has it after `npm ci`. */
function copyOfProject(): string {
  const folder = temporaryFolder();
  const listed = execFileSync("git", ["ls-files", "-z"], { cwd: root, encoding: "utf8" });
  const names = new Set(listed.split("\0").map((path) => path.split("/")[0] ?? ""));
  names.delete("");
  for (const name of names) cpSync(join(root, name), join(folder, name), { recursive: true });
  symlinkSync(join(root, "node_modules"), join(folder, "node_modules"));
  // What is ignored by version control is ignored by the linter.
  execFileSync("git", ["init", "--quiet"], { cwd: folder });
  return folder;
}

test("workflows of one's own, as the documentation has them, in a copy of the project", async () => {
  const folder = copyOfProject();
  const shell = (line: string) => runShell(line, folder);
  for (const [, file, text = ""] of blocks) {
    if (file === undefined) continue;
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  const commands = blocks.flatMap(([, file, text = ""]) =>
    file === undefined ? text.trim().split("\n") : [],
  );
  expect(commands.shift()).toBe("npm test");
  const { scripts } = z
    .object({ scripts: z.record(z.string(), z.string()) })
    .parse(JSON.parse(readFileSync(join(root, "package.json"), "utf8")));
  expect(scripts.check).toBe(`${checks.join(" && ")} && npm run test:only`);
  for (const check of checks) await shell(check);
  const baton = (line: string) => shell(line.replace("npx baton", "node bin/baton.js"));
  const [validate = "", run = "", deploy = ""] = commands;
  expect(await baton(validate)).toBe("valid: nightly\n");
  expect(await baton(run)).toMatch(/^batch nightly-\S+ SUCCESS/m);
  const plan = PlanSchema.parse(JSON.parse(await baton(`${deploy} --json`)));
  expect(plan.deployment.workflowIds).toEqual(["nightly"]);
  expect(plan.warnings.filter((warning) => warning.includes("samples"))).toEqual([]);
  // What the function runs.
  expect(await baton(run.replace("functions/own", "dist/functions/own"))).toContain("SUCCESS");
});
