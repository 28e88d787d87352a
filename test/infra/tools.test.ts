import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const folder = fileURLToPath(new URL("../../infra/", import.meta.url));
const tools = ["terraform", "tofu"].filter((tool) => spawnSync(tool, ["version"]).status === 0);

/** The provider is some hundred megabytes from a registry: set this to have it checked. */
const withProvider = process.env.BATON_TEST_TERRAFORM_PROVIDER === "1";

function run(tool: string, where: string, ...parameters: string[]) {
  const { status, stdout, stderr } = spawnSync(tool, [`-chdir=${where}`, ...parameters, "-no-color"], {
    encoding: "utf8",
    env: { ...process.env, CHECKPOINT_DISABLE: "1" },
  });
  return { status, output: `${stdout}${stderr}` };
}

test.skipIf(tools.length === 0)("all files have the form that the tool gives them", () => {
  for (const tool of tools)
    expect(run(tool, folder, "fmt", "-check", "-diff", "-recursive")).toMatchObject({ status: 0 });
});

test.skipIf(tools.length === 0 || !withProvider)("the provider knows everything that is written", () => {
  for (const tool of tools) {
    const copy = mkdtempSync(join(tmpdir(), "baton-infra-"));
    onTestFinished(() => rmSync(copy, { recursive: true, force: true }));
    for (const name of readdirSync(folder).filter(
      (name) => /\.(tf|json)$/.test(name) && !name.includes("tfvars"),
    ))
      cpSync(join(folder, name), join(copy, name));
    rmSync(join(copy, "backend.tf"), { force: true });
    expect(run(tool, copy, "init", "-backend=false", "-input=false")).toMatchObject({ status: 0 });
    expect(run(tool, copy, "validate")).toMatchObject({ status: 0 });
  }
});
