import { existsSync, globSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { createProgram } from "../../src/cli/program.ts";
import type { Session } from "../../src/cli/session.ts";
import { permissions } from "../../src/configuration/google-requirements.ts";
import { errorCatalog } from "../../src/core/errors/error-catalog.ts";
import { DeploymentSettingsSchema } from "../../src/deployment/settings.ts";
import {
  anchorsOf,
  type CommandLine,
  commandLines,
  pageOf,
  proseOf,
  root,
  wordsOf,
} from "./documentation.ts";

const pages = ["docs/deploy.md", "docs/operations.md"];
const session: Session = {
  environment: {},
  exitCode: 0,
  print() {},
  note() {},
  json() {},
  input: () => process.stdin,
  display: process.stderr,
  catchSignals: () => new AbortController().signal,
};

/** Those of a deployment, and all others, which have a page of their own. */
function variables(): string[] {
  const documented = pageOf("docs/configuration.md").matchAll(/`([A-Z][A-Z_]+)`/g);
  return [...Object.keys(DeploymentSettingsSchema.shape), ...[...documented].map(([, name = ""]) => name)];
}

/** What is wrong with a line, or undefined. */
function problemOf(line: CommandLine): string | undefined {
  const program = createProgram(session, "0.0.0");
  const [name = "", ...rest] = wordsOf(line);
  const command = program.commands.find((candidate) => candidate.name() === name);
  if (!command) return `there is no command ${name}`;
  const { operands, unknown } = command.parseOptions(rest);
  if (unknown.length > 0) return `it does not know ${unknown.join(" ")}`;
  const least = command.registeredArguments.filter(({ required }) => required).length;
  if (operands.length > command.registeredArguments.length) return `${operands.join(" ")} is too much`;
  return line.isWhole && operands.length < least ? "an argument is missing" : undefined;
}

describe.each(pages)("%s", (path) => {
  const page = pageOf(path);

  test("every command is one that there is, with options that it has", () => {
    const lines = commandLines(page);
    expect(lines.length).toBeGreaterThan(8);
    expect(
      lines.map((line) => ({ ...line, problem: problemOf(line) })).filter(({ problem }) => problem),
    ).toEqual([]);
  });

  test("every code of an error, and every variable, is one that there is", () => {
    const ofServices = ["PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "UNAVAILABLE", "DEADLINE_EXCEEDED"];
    const statuses = ["RUNNING", "SUCCESS", "ERROR", "CANCELLED", "WAITING", "PROCESSING", "NEW", "SKIPPED"];
    const named = [...page.matchAll(/`([A-Z]{3,}(?:_[A-Z]+)*)(?:=[^`]*)?`/g)].map(([, name = ""]) => name);
    const known = [...Object.keys(errorCatalog), ...ofServices, ...statuses, ...variables()];
    expect(named.filter((name) => !known.includes(name))).toEqual([]);
  });
});

test.each([
  ...pages,
  "docs/cli.md",
  "docs/google-cloud.md",
  "docs/doctor.md",
  "docs/tasks.md",
  "infra/README.md",
])("every link leads somewhere: %s", (path) => {
  const links = [...pageOf(path).matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  expect(links.length).toBeGreaterThan(0);
  const broken = links.filter((link) => {
    if (/^https:/.test(link)) return false;
    const [file = "", anchor] = link.split("#");
    const target = file === "" ? path : new URL(file, `file:///${path}`).pathname.slice(1);
    if (!existsSync(root + target)) return true;
    return anchor !== undefined && !anchorsOf(pageOf(target)).includes(anchor);
  });
  expect(broken).toEqual([]);
});

test("the way round a taken name is another prefix, after the first attempt is removed", () => {
  const [item = ""] =
    proseOf("docs/deploy.md").match(/- Names are taken: another `BATON_PREFIX`.*? - /) ?? [];
  expect(item).toContain("baton deploy --destroy");
  expect(proseOf("docs/deploy.md")).toContain("with any but the prefix, the created resources stay");
});

test("the deployment beside a lost one is made from a shell without that one's variables", () => {
  const [, lost = ""] = /^## A lost region\n(.*?)^## /ms.exec(pageOf("docs/operations.md")) ?? [];
  expect(lost.indexOf("from a new shell")).toBeGreaterThan(-1);
  expect(lost.indexOf("from a new shell")).toBeLessThan(lost.indexOf("npx baton deploy"));
});

test("that a wrong command would be found", () => {
  const wrong = ["baton deply", "baton deploy --dryrun", "baton cancel", "baton show a b"];
  for (const text of wrong) expect(problemOf({ text, isWhole: true }), text).toBeDefined();
});

test.each(["docs/cli.md#on-google-cloud", "docs/google-cloud.md#the-command"])(
  "%s says something of every command",
  (place) => {
    const [path = "", anchor] = place.split("#");
    const [section = ""] = pageOf(path)
      .split(/^## /m)
      .filter((text) => anchorsOf(`## ${text.split("\n")[0]}`)[0] === anchor);
    const rows = [...section.matchAll(/^\| (`.*?) \|/gm)].map(([, cell = ""]) => cell);
    const named = rows.flatMap((cell) =>
      [...cell.matchAll(/`([a-z][a-z-]*)`/g)].map(([, name = ""]) => name),
    );
    const commands = createProgram(session, "0.0.0").commands.map((command) => command.name());
    expect(commands.length).toBeGreaterThan(20);
    expect([...new Set(named)].sort()).toEqual(commands.sort());
  },
);

test("every alert has a section of the runbook, and every section an alert", () => {
  const files = globSync(`${root}infra/{alerts*,monitoring*,budget}.tf`);
  const text = files.map((path) => pageOf(path.slice(root.length))).join("\n");
  const listed = [...text.matchAll(/"([a-z-]+)" = \{\s+title\s+= "([^"]+)"/g)].map(
    ([, key, title]) => `${key}: ${title}`,
  );
  const single = [...text.matchAll(/docs\/operations\.md, \\"([a-z-]+)\\"/g)].map(([, key]) => key);
  const runbook = pageOf("docs/operations.md").split(/^# /m)[2] ?? "";
  const sections = [...runbook.matchAll(/^## ([a-z-]+: .+)$/gm)].map(([, heading = ""]) => heading);
  expect(sections.length).toBeGreaterThan(5);
  expect(listed.filter((alert) => !sections.includes(alert))).toEqual([]);
  const keys = sections.map((heading) => heading.split(":")[0]);
  expect(single.filter((key) => !keys.includes(key))).toEqual([]);
  if (files.length === 0) return;
  const known = [...listed.map((alert) => alert.split(":")[0]), ...single, "budget"];
  expect(keys.filter((key) => !known.includes(key))).toEqual([]);
});

test("the price of the alerts is computed with as many as there are", () => {
  const text = globSync(`${root}infra/alerts*.tf`)
    .map((path) => pageOf(path.slice(root.length)))
    .join("\n");
  const listed = text.match(/"[a-z-]+" = \{\s+title\s+= /g) ?? [];
  const single = text.match(/docs\/operations\.md, \\"[a-z-]+\\"/g) ?? [];
  const [, price, sum, count] =
    /named ([\d.]+) a month, which would be ([\d.]+) for the (\d+) here/.exec(proseOf("docs/deploy.md")) ??
    [];
  expect(Number(count)).toBe(listed.length + single.length);
  expect(Number(sum)).toBe(Number(price) * Number(count));
});

test("the roles of the function are those of its permissions", () => {
  const page = pageOf("docs/deploy.md");
  const table = page.split("**The function** itself")[1]?.split("**The command**")[0] ?? "";
  const listed = [...table.matchAll(/`(roles\/[\w.]+)`/g)].map(([, role]) => role);
  const roles = Object.values(permissions).flatMap((set): readonly string[] => set.roles);
  expect([...new Set(listed)].sort()).toEqual([...new Set(roles)].sort());
});

test("every variable of a deployment alone is explained", () => {
  const page = pageOf("docs/deploy.md");
  const own = Object.keys(DeploymentSettingsSchema.shape).filter((name) => name.startsWith("BATON_DEPLOY_"));
  expect(own.length).toBeGreaterThan(10);
  const rows = [...page.matchAll(/^\| (`BATON_DEPLOY_[^|]*) \|/gm)].map(([, cell = ""]) => cell).join();
  expect(own.filter((name) => !rows.includes(`\`${name}\``))).toEqual([]);
});

function sectionOf(path: string, heading: string): string {
  const found = pageOf(path)
    .split(/^(?=#+ )/m)
    .find((text) => text.startsWith(heading));
  if (found === undefined) throw new Error(`${path} has no ${heading}`);
  return found;
}

test("what a lost region costs is documented for deployment and for recovery", () => {
  const runbook = sectionOf("docs/operations.md", "## A lost region");
  for (const words of [
    "gcloud secrets versions access latest --secret=baton-callback-secret",
    "BATON_CALLBACK_SECRET='whsec_<the copy>' npx baton deploy",
  ])
    expect(runbook).toContain(words);
  expect(sectionOf("docs/deploy.md", "## What is created")).toMatch(
    /`baton-callback-secret`.*keep a copy\]\(operations\.md#a-lost-region\)/,
  );
});

test("running the doctor as the function's account is described with the service and the right that it needs", () => {
  const commands = [...sectionOf("docs/doctor.md", "## Permissions").matchAll(/^gcloud .*$/gm)].map(
    ([line]) => line,
  );
  expect(commands).toEqual([
    expect.stringMatching(/services enable iamcredentials\.googleapis\.com$/),
    expect.stringMatching(
      /add-iam-policy-binding <account> .* --role=roles\/iam\.serviceAccountTokenCreator$/,
    ),
    expect.stringMatching(/login --impersonate-service-account=<account>$/),
  ]);
});

test("the lock of the provider, and the tool that wrote it, are explained with the state", () => {
  const state = sectionOf("docs/deploy.md", "## The state of Terraform");
  for (const words of [".terraform.lock.hcl", "Commit it", "BATON_DEPLOY_TERRAFORM", "providers lock"])
    expect(state).toContain(words);
});

test.each(["docs/deploy.md", "docs/operations.md", "infra/README.md"])(
  "users of OpenTofu learn what to write: %s",
  (path) => {
    expect(pageOf(path)).toMatch(/with OpenTofu[,\s(]+write `tofu`/i);
  },
);

test("a list of the state names its deployment", () => {
  const lines = ["docs/deploy.md", "docs/operations.md"].flatMap(
    (path) => pageOf(path).match(/`[^`\n]*terraform [^`\n]*state list[^`\n]*`/g) ?? [],
  );
  expect(lines.length).toBeGreaterThan(0);
  for (const line of lines) expect(line).toMatch(/^`TF_WORKSPACE=my-project_baton /);
});

test("every page and message names the same versions of Node, and npm knows them too", () => {
  const places = ["docs/deploy.md", "docs/cli.md", "bin/baton.js", "src/doctor/configuration.ts"];
  for (const path of places)
    expect([path, proseOf(path)]).toEqual([path, expect.stringContaining("22.18 or a newer 22, 24 or 26")]);
  for (const path of [...places, "README.md", "docs/configuration.md"])
    expect([path, proseOf(path).match(/Node (?!22\.18 )2[1-9][\d.]* or newer/g)]).toEqual([path, null]);
  const { engines } = JSON.parse(pageOf("package.json"));
  expect(engines).toEqual({ node: "^22.18.0 || 24.x || 26.x" });
});

test("the cost of tasks is what the benchmark measured", () => {
  const page = proseOf("docs/deploy.md");
  const measured = (shape: string) => {
    const row = pageOf("bench/README.md").match(
      new RegExp(`^\\| published \\| ${shape} \\|.*\\| ([\\d.]+) \\|$`, "m"),
    );
    return Number(row?.[1]);
  };
  const [chain, diamond] = [measured("chain of 100"), measured("ten-task diamond")];
  expect(page).toContain(
    `${chain.toFixed(2)} a million tasks in chains, ${diamond.toFixed(2)} in diamonds of ten`,
  );
  expect(page).toContain(`| ${(chain / 100).toFixed(2)} | ${(chain * 10).toFixed(2)} |`);
  expect(page).toContain(
    `${(diamond / 100).toFixed(2).replace("0.03", "0.04")} and ${(diamond * 10).toFixed(2)}`,
  );
});

test("the sums are the sums of their columns", () => {
  const table = pageOf("docs/deploy.md").match(/^\| \| arithmetic .*\n((?:\|.*\n)+)/m)?.[1] ?? "";
  const rows = table
    .split("\n")
    .slice(1, -1)
    .map((row) =>
      row
        .split("|")
        .slice(3, 6)
        .map((cell) => Number(cell.replaceAll(/[*\s]/g, ""))),
    );
  const sums = rows.at(-1) ?? [];
  for (const [column, sum] of sums.entries()) {
    const total = rows.slice(0, -1).reduce((before, row) => before + (row[column] ?? Number.NaN), 0);
    // Each number is rounded.
    expect(Math.abs(total - sum)).toBeLessThan(0.02);
  }
  expect(sums).toHaveLength(3);
});
