import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Command } from "commander";
import { BatonError, errorMessage } from "../../core/errors/errors.ts";
import type { ChaosOptions, ChaosReport } from "../../testing/chaos/chaos.ts";
import { readJson, wholeNumber } from "../arguments.ts";
import { failureExitCode, type Session } from "../session.ts";
import { findWorkflow, withApp } from "../with-app.ts";

interface Options {
  readonly schedules: number;
  readonly seed: number;
  readonly input?: string;
  readonly drop?: string;
  readonly fakes?: string;
  readonly json?: true;
}

const mostSchedules = 1_000_000;
const largestSeed = 2_147_483_647;

export function registerChaos(program: Command, session: Session): void {
  program
    .command("chaos")
    .description(
      "run a workflow with fake services under crashes, lost replies and duplicates, and list mistakes",
    )
    .argument("<workflow>", "id of the workflow")
    .option("--schedules <n>", "how many schedules to try", wholeNumber(1, mostSchedules), 200)
    .option(
      "--seed <n>",
      "the first seed; a finding names the one that shows it",
      wholeNumber(0, largestSeed),
      1,
    )
    .option("--input <json|@file>", "the input of the batch")
    .option("--drop <name=file>", "start it by this file, dropped into the inbox under this name")
    .option(
      "--fakes <module>",
      "a module whose default export has the answers of services; see docs/testing.md",
    )
    .option("--json", "print JSON")
    .addHelpText("after", `\nExample:\n  baton chaos greet --input '{"name":"Ada"}' --schedules 500`)
    .action((workflowId: string, options: Options) => runChaos(session, workflowId, options));
}

async function runChaos(session: Session, workflowId: string, options: Options): Promise<void> {
  const { schedules, seed, json } = options;
  const settings: ChaosOptions = {
    ...(await readFakes(options.fakes)),
    ...(options.input !== undefined && { input: await readJson(session, options.input, "--input") }),
    ...(options.drop !== undefined && { drop: await readDrop(options.drop) }),
    schedules,
    seed,
  };
  await withApp(
    session,
    async (app) => {
      await findWorkflow(session, app, workflowId);
      const { chaos } = await import("../../testing/chaos/chaos.ts");
      const { workflowCopies } = await import("../../testing/chaos/workflow-copies.ts");
      const load = await workflowCopies(app.configuration.workflows, workflowId);
      const report = await withoutData(() => chaos(load, settings));
      if (json) session.json(report);
      else for (const line of reportLines(report)) session.print(line);
      if (report.findings.length > 0) session.exitCode = failureExitCode;
    },
    "workflows",
  );
}

/** Code that writes beside the data must not reach the real data. */
async function withoutData<T>(work: () => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "baton-chaos-"));
  const before = process.env.BATON_DATA;
  process.env.BATON_DATA = folder;
  try {
    return await work();
  } finally {
    if (before === undefined) delete process.env.BATON_DATA;
    else process.env.BATON_DATA = before;
    await rm(folder, { recursive: true, force: true });
  }
}

/** The fakes are code of the user, whose types its editor has checked. */
async function readFakes(path: string | undefined): Promise<ChaosOptions> {
  if (path === undefined) return {};
  try {
    const { default: fakes } = await import(pathToFileURL(resolve(path)).href);
    return fakes ?? {};
  } catch (cause) {
    throw new BatonError("USAGE", `Can't load ${path}: ${errorMessage(cause)}`, { cause });
  }
}

async function readDrop(text: string): Promise<{ readonly name: string; readonly content: Uint8Array }> {
  const [, name = basename(text), path = text] = /^([^=]+)=(.+)$/.exec(text) ?? [];
  const content = await readFile(path).catch((cause: unknown) => {
    throw new BatonError("USAGE", `Can't read ${path}: ${errorMessage(cause)}`, { cause });
  });
  return { name, content };
}

/** A report without findings says nothing about code that never ran. */
function untriedLines({ untried, failures }: ChaosReport): string[] {
  if (untried.length === 0) return [];
  const failed = Object.entries(failures).map(
    ([taskId, error]) => `  without any fault ${taskId} fails: ${error}`,
  );
  return [`  never ran, so not tested: ${untried.join(", ")}`, ...failed];
}

function reportLines(report: ChaosReport): string[] {
  const { workflowId, schedules, seed, findings } = report;
  const seeds = schedules === 1 ? `seed ${seed}` : `seeds ${seed} to ${seed + schedules - 1}`;
  if (findings.length === 0) {
    const nothing = `${workflowId}: nothing found in ${schedules} schedules (${seeds})`;
    return [nothing, ...untriedLines(report)];
  }
  const lines = findings.flatMap(({ code, taskId, message, remedy, story, seed: shown, faults }) => [
    `${code} in task ${taskId}: ${message}`,
    `  what to do: ${remedy}`,
    `  ${faults === 0 ? "without any fault" : `with ${faults} ${faults === 1 ? "fault" : "faults"}`}; ` +
      `again with --seed ${shown} --schedules 1:`,
    ...story.map((line) => `  ${line}`),
    "",
  ]);
  const count = findings.length === 1 ? "1 mistake" : `${findings.length} mistakes`;
  return [
    ...lines,
    `${workflowId}: ${count} found in ${schedules} schedules (${seeds})`,
    ...untriedLines(report),
  ];
}
