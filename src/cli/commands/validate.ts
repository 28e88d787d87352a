import type { Command } from "commander";
import { errorCatalog } from "../../core/error-catalog.ts";
import { failureExitCode, type Session } from "../session.ts";

export function registerValidate(program: Command, session: Session): void {
  program
    .command("validate")
    .description("list all problems of a workflow file, or of the files of a folder")
    .argument("[path]", "file or folder (default: BATON_WORKFLOWS)")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton validate functions/workflows")
    .action((path: string | undefined, { json }: { readonly json?: true }) => validate(session, path, json));
}

async function validate(session: Session, path: string | undefined, json: true | undefined): Promise<void> {
  const checked = path ?? (await configuredFolder(session));
  const { checkWorkflows } = await import("../../composition/check-workflows.ts");
  const { workflowIds, problems, warnings } = await checkWorkflows(checked, session.environment);
  const told = problems.map((problem) => ({ ...problem, remedy: errorCatalog[problem.code].remedy }));
  if (json) session.json({ valid: problems.length === 0, workflowIds, problems: told, warnings });
  else for (const line of linesOf(workflowIds, told)) session.print(line);
  if (!json) for (const warning of warnings) session.note(`warning: ${warning}`);
  if (problems.length > 0) session.exitCode = failureExitCode;
}

async function configuredFolder({ environment }: Session): Promise<string> {
  const { readConfiguration } = await import("../../composition/configuration.ts");
  const { withoutReferences } = await import("../../composition/secrets.ts");
  return readConfiguration(withoutReferences(environment)).workflows;
}

interface ToldProblem {
  readonly code: string;
  readonly message: string;
  readonly where: string;
  readonly remedy: string;
}

function linesOf(workflowIds: readonly string[], problems: readonly ToldProblem[]): string[] {
  const lines = problems.map(
    ({ where, code, message, remedy }) => `${where}: ${code}: ${message}\n  ${remedy}`,
  );
  const names = workflowIds.length > 0 ? workflowIds.join(", ") : "no workflow";
  return [
    ...lines,
    problems.length === 0 ? `valid: ${names}` : `${problems.length} problems; valid: ${names}`,
  ];
}
