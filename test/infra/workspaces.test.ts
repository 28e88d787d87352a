import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { infrastructureCommands } from "../../src/deployment/commands.ts";
import { deploymentFiles, planDeployment } from "../../src/deployment/plan.ts";
import { readTarget } from "../../src/deployment/target.ts";
import { type Command, commandLine } from "../../src/deployment/tools.ts";

const tools = ["terraform", "tofu"].filter((tool) => spawnSync(tool, ["version"]).status === 0);

/** What the real one has, as far as these commands look at it; no provider has to be fetched. */
const infrastructure = `
variable "prefix" { type = string }
resource "terraform_data" "this" { input = var.prefix }
output "function_environment" { value = { PREFIX = terraform_data.this.output } }
`;

function folderOf(): string {
  const folder = mkdtempSync(join(tmpdir(), "baton-workspaces-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, "infra"));
  writeFileSync(join(folder, "infra/main.tf"), infrastructure);
  return folder;
}

/** The commands of a deployment, run as their lines are printed. */
function deploymentIn(folder: string, terraform: string, prefix: string) {
  const given = { BATON_PROJECT: "some-project", BATON_LOCATION: "europe-west1", BATON_PREFIX: prefix };
  const deployment = planDeployment(readTarget(given, {}), []);
  const commands = infrastructureCommands(deployment, terraform, true);
  const { terraformVariables } = deploymentFiles(deployment);
  writeFileSync(join(folder, "infra", terraformVariables), JSON.stringify({ prefix }));
  const run = (command: Command) => {
    const { status, stdout, stderr } = spawnSync("sh", ["-c", commandLine(command)], {
      cwd: folder,
      encoding: "utf8",
      env: { PATH: process.env.PATH, HOME: folder, CHECKPOINT_DISABLE: "1" },
    });
    return { status, stdout, stderr };
  };
  return { commands, run };
}

test.skipIf(tools.length === 0)(
  "two deployments from one folder at the same time plan, apply, show and delete each its own",
  () => {
    for (const tool of tools) {
      const folder = folderOf();
      const both = ["one", "two"].map((prefix) => ({ prefix, ...deploymentIn(folder, tool, prefix) }));
      const each = (name: "init" | "workspace" | "plan" | "changes" | "apply") => {
        for (const { commands, run } of both) expect(run(commands[name])).toMatchObject({ status: 0 });
      };
      // One step of each in turn: what the one chooses, the other finds chosen.
      for (const name of ["init", "workspace", "plan", "changes", "apply"] as const) each(name);
      for (const { prefix, commands, run } of both)
        expect(JSON.parse(run(commands.output).stdout)).toEqual({ PREFIX: prefix });
      const [one, two] = both;
      expect(one?.run(one.commands.existing)).toMatchObject({ status: 0 });
      // While the first waits at its question, the second one is chosen.
      expect(two?.run(two.commands.existing)).toMatchObject({ status: 0 });
      expect(one?.run(one.commands.destroy)).toMatchObject({ status: 0 });
      expect(one?.run(one.commands.state).stdout).not.toContain("terraform_data");
      expect(two?.run(two.commands.state).stdout).toContain('"input":"two"');
    }
  },
  120_000,
);

test.skipIf(tools.length === 0)(
  "a state of the old name is moved by the commands of the page",
  () => {
    const page = readFileSync(new URL("../../docs/deploy.md", import.meta.url), "utf8");
    const [, block = ""] = /^### A state of the old name\n.*?^```sh\n(.*?)^```$/ms.exec(page) ?? [];
    for (const tool of tools) {
      const folder = folderOf();
      const { commands, run } = deploymentIn(folder, tool, "baton");
      const lines = block
        .replaceAll("terraform -chdir", `${tool} -chdir`)
        .replaceAll("my-project", "some-project");
      const shell = (script: string) => run({ title: "", argv: ["sh", "-ec", script] });
      const old = "some-project-baton";
      expect(run(commands.init)).toMatchObject({ status: 0 });
      expect(shell(`${tool} -chdir=infra workspace new ${old}`)).toMatchObject({ status: 0 });
      const made = `TF_WORKSPACE=${old} ${tool} -chdir=infra apply -auto-approve -var prefix=baton`;
      expect(shell(made)).toMatchObject({ status: 0 });
      expect(shell(lines)).toMatchObject({ status: 0 });
      expect(run(commands.plan)).toMatchObject({ status: 0, stdout: expect.stringContaining("No changes") });
      expect(shell(`${tool} -chdir=infra workspace delete -force ${old}`)).toMatchObject({ status: 0 });
      expect(run(commands.state).stdout).toContain('"input":"baton"');
    }
  },
  120_000,
);

test.skipIf(tools.length === 0)(
  "of tainted resources, the protected ones are planned alone",
  () => {
    for (const tool of tools) {
      const folder = folderOf();
      const { commands, run } = deploymentIn(folder, tool, "baton");
      const more = 'resource "terraform_data" "taken" { input = "all that is missing" }\n';
      writeFileSync(join(folder, "infra/more.tf"), more);
      for (const name of ["init", "workspace"] as const)
        expect(run(commands[name])).toMatchObject({ status: 0 });
      const plan = commands.targetedPlan(["terraform_data.this"]);
      expect(run(plan)).toMatchObject({ status: 0 });
      expect(run(commands.apply)).toMatchObject({ status: 0 });
      expect(run(commands.state).stdout).toContain("terraform_data.this");
      expect(run(commands.state).stdout).not.toContain("terraform_data.taken");
      expect(run(commands.destroy)).toMatchObject({ status: 0 });
    }
  },
  120_000,
);

test.skipIf(tools.length === 0)("a state that does not exist is not selected", () => {
  for (const tool of tools) {
    const { commands, run } = deploymentIn(folderOf(), tool, "unknown");
    expect(run(commands.init)).toMatchObject({ status: 0 });
    expect(run(commands.existing)).toMatchObject({ status: 1 });
  }
});
