import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { expression, inner, readTerraform } from "./terraform-files.ts";

const files = await readTerraform();
const folder = fileURLToPath(new URL("../../infra/", import.meta.url));
const tools = ["terraform", "tofu"].filter((tool) => spawnSync(tool, ["version"]).status === 0);

/** A folder that a tool can apply without any provider: the variables, and some lines that use them. */
function placeWith(text: string): string {
  const place = mkdtempSync(join(tmpdir(), "baton-values-"));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  for (const name of readdirSync(folder).filter((file) => /^variables.*\.tf$/.test(file)))
    cpSync(join(folder, name), join(place, name));
  writeFileSync(join(place, "use.tf"), text);
  return place;
}

function run(tool: string, place: string, ...parameters: string[]) {
  const { stdout, stderr } = spawnSync(tool, [`-chdir=${place}`, ...parameters], {
    encoding: "utf8",
    env: { ...process.env, CHECKPOINT_DISABLE: "1" },
  });
  // Long sentences are broken into lines, with a bar before each.
  return { stdout, output: `${stdout}${stderr}`.replaceAll(/\s*\n[│\s]*/g, " ") };
}

const needed = ["-var=project=some-project", "-var=region=europe-west1"];

/** The text of a block as it stands in its file. */
function cut(name: string, pattern: RegExp): string {
  const [, found] = pattern.exec(readFileSync(join(folder, name), "utf8")) ?? [];
  if (found === undefined) throw new Error(`${name} has nothing like ${pattern}`);
  return found;
}

const refused: readonly (readonly [string, string])[] = [
  ["prefix=googly", 'A prefix doesn\'t begin with "goog"'],
  ["prefix=my-google", 'nor has it "google" in it'],
  ["billing_account=billingAccounts/0A1B2C-3D4E5F-678901", "three times six digits"],
  ["min_instances=30", "min_instances (30) is more than max_instances (20)"],
];

test.skipIf(tools.length === 0).each(refused)("%s is refused, in words", (given, words) => {
  const place = placeWith(cut("outputs.tf", /^(output "function_settings" \{[\s\S]*?^\})/m));
  for (const tool of tools) {
    run(tool, place, "init");
    expect(run(tool, place, "plan", "-no-color", ...needed, `-var=${given}`).output).toContain(words);
  }
});

test.skipIf(tools.length === 0)("values that are right are not refused", () => {
  const place = placeWith(cut("outputs.tf", /^(output "function_settings" \{[\s\S]*?^\})/m));
  const given = ["-var=prefix=go", "-var=billing_account=0A1B2C-3D4E5F-678901", "-var=min_instances=20"];
  for (const tool of tools) {
    run(tool, place, "init");
    const { output } = run(tool, place, "plan", "-no-color", ...needed, ...given);
    expect(output).not.toContain("Error:");
    expect(output).toContain("function_settings");
  }
});

test.skipIf(tools.length === 0)(
  "no tile of the dashboard names a place that is 0: each plan would change it",
  () => {
    const tiles = cut("dashboard.tf", /^ {6}tiles = (\[for [\s\S]*?^ {6}\)\])$/m);
    const charts = `locals { charts = [for name in ["a", "b", "c"] : { title = name, query = name }] }`;
    const place = placeWith(`${charts}\noutput "tiles" {\n  value = jsonencode(${tiles})\n}\n`);
    for (const tool of tools) {
      run(tool, place, "init");
      run(tool, place, "apply", "-auto-approve", ...needed);
      const made: unknown = JSON.parse(run(tool, place, "output", "-raw", "tiles").stdout);
      const size = { width: 24, height: 16 };
      expect(made).toMatchObject([size, { ...size, xPos: 24 }, { ...size, yPos: 16 }]);
      expect(JSON.stringify(made)).not.toMatch(/Pos":0/);
    }
  },
);

test("a budget is made on the named billing account or the project's, and says so where there is none", () => {
  const budget = files.resource("google_billing_budget.this");
  expect(files.locals.billing_account).toBe(
    expression('var.billing_account == "" ? data.google_project.this.billing_account : var.billing_account'),
  );
  expect(budget.billing_account).toBe(expression("local.billing_account"));
  expect(inner(budget, "lifecycle").precondition).toMatchObject([
    { error_message: expect.stringContaining("BATON_DEPLOY_BILLING_ACCOUNT") },
  ]);
});
