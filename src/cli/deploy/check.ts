import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import type { Command } from "commander";
import * as z from "zod";
import type { Project } from "../../configuration/project.ts";
import type { RawEnvironment } from "../../configuration/variables.ts";
import { errorCode, errorMessage } from "../../core/errors/errors.ts";
import { failureExitCode, type Session } from "../session.ts";
import { enterProject } from "./pack.ts";

interface Options {
  readonly variables?: string;
  readonly json?: true;
}

interface Check {
  readonly id: "types" | "workflows" | "deployment";
  readonly status: "ok" | "failed" | "skipped";
  /** Why it failed, or was skipped. */
  readonly problems: readonly string[];
  readonly warnings: readonly string[];
}

export function registerCheck(program: Command, session: Session): void {
  program
    .command("check")
    .description("check the project: types, workflows, and whether it can be deployed")
    .option("--variables <file>", "variables of the deployment that is planned")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton check --variables environments/production.env")
    .action((options: Options) => check(session, options));
}

async function check(session: Session, { variables, json }: Options): Promise<void> {
  const project = enterProject();
  const { environment } = session;
  const workflows = await configuredWorkflows(environment);
  const file = variables === undefined ? undefined : project.toPath(variables);
  const checks = [
    await checkTypes(project),
    await checkFiles(workflows, environment),
    await checkDeployment(project, environment, file),
  ];
  const isOk = checks.every(({ status }) => status !== "failed");
  if (json) session.json({ ok: isOk, checks });
  else for (const line of checks.flatMap(linesOf)) session.print(line);
  if (!isOk) session.exitCode = failureExitCode;
}

async function configuredWorkflows(environment: RawEnvironment): Promise<string> {
  const { readConfiguration } = await import("../../configuration/configuration.ts");
  const { withoutReferences } = await import("../../configuration/secrets.ts");
  return readConfiguration(withoutReferences(environment)).workflows;
}

/** Runs the project's own TypeScript, if it has a tsconfig.json. */
async function checkTypes({ folder }: Project): Promise<Check> {
  if (!existsSync(join(folder, "tsconfig.json"))) return skipped("types", "there is no tsconfig.json");
  const compiler = findCompiler(folder);
  if (compiler === undefined)
    return failed("types", ["There is no TypeScript here: `npm install --save-dev typescript`"]);
  const parameters = [compiler, "--noEmit", "--pretty", "false", "--project", folder];
  const output = await new Promise<string>((resolve) => {
    execFile(process.execPath, parameters, { cwd: folder, maxBuffer: 2 ** 26 }, (error, stdout, stderr) =>
      resolve(error ? stdout + stderr || errorMessage(error) : ""),
    );
  });
  return result(
    "types",
    output.split("\n").filter((line) => line.trim() !== ""),
  );
}

const CompilerSchema = z.object({ bin: z.object({ tsc: z.string() }) });

function findCompiler(folder: string): string | undefined {
  try {
    const manifest = createRequire(join(folder, "package.json")).resolve("typescript/package.json");
    const { bin } = CompilerSchema.parse(JSON.parse(readFileSync(manifest, "utf8")));
    return join(dirname(manifest), bin.tsc);
  } catch {
    return undefined;
  }
}

/** The files of the workflows: their ids, graphs, schedules, templates, inputs, SQL and secrets. */
async function checkFiles(workflows: string, environment: RawEnvironment): Promise<Check> {
  const { checkWorkflows } = await import("../../app/check-workflows.ts");
  return checked("workflows", async () => {
    const { problems, warnings } = await checkWorkflows(workflows, environment);
    return {
      problems: problems.map(({ where, code, message }) => `${where}: ${code}: ${message}`),
      warnings,
    };
  });
}

/** In place of what a project does not say before its first deployment. */
const placeholders = { BATON_PROJECT: "some-project", BATON_LOCATION: "europe-west1" };

/** Plans a deployment, as `baton deploy --dry-run` does, and the folder that it would deploy. */
async function checkDeployment(
  { folder }: Project,
  environment: RawEnvironment,
  variables: string | undefined,
): Promise<Check> {
  const { prepareDeployment } = await import("../../deployment/prepare.ts");
  const { planPackage } = await import("../../deployment/package.ts");
  return checked("deployment", async () => {
    const place = { root: folder, parts: [], removes: false, isPlain: true };
    const named = { ...(variables === undefined ? placeholders : {}), ...environment };
    const options = { ...place, ...(variables !== undefined && { variables }) };
    const { target, warnings } = await prepareDeployment(named, options);
    const { problems } = planPackage(folder, target.configuration.workflows);
    return { problems, warnings: [...target.warnings, ...warnings] };
  });
}

/** An error that a check throws is its problem. */
async function checked(
  id: Check["id"],
  run: () => Promise<Pick<Check, "problems" | "warnings">>,
): Promise<Check> {
  try {
    const { problems, warnings } = await run();
    return result(id, problems, warnings);
  } catch (error) {
    return failed(id, [`${errorCode(error) ?? "INTERNAL"}: ${errorMessage(error)}`]);
  }
}

function result(id: Check["id"], problems: readonly string[], warnings: readonly string[] = []): Check {
  return { id, status: problems.length === 0 ? "ok" : "failed", problems, warnings };
}

function failed(id: Check["id"], problems: readonly string[]): Check {
  return { id, status: "failed", problems, warnings: [] };
}

function skipped(id: Check["id"], reason: string): Check {
  return { id, status: "skipped", problems: [reason], warnings: [] };
}

function linesOf({ id, status, problems, warnings }: Check): string[] {
  return [
    `${status.padEnd("skipped".length)}  ${id}`,
    ...problems.flatMap((problem) => problem.split("\n").map((line) => `         ${line}`)),
    ...warnings.map((warning) => `         warning: ${warning}`),
  ];
}
