import type { Command } from "commander";
import type { App } from "../../app/app.ts";
import { BatonError } from "../../core/errors/errors.ts";
import type { AppliedWorkflow } from "../../core/records.ts";
import { nearestName } from "../../core/values/text.ts";
import type { BuiltWorkflow } from "../../workflow/workflow.ts";
import { failureExitCode, type Session } from "../session.ts";
import { withApp } from "../with-app.ts";

/** The variables by name that a deployment needs for a stored workflow. */
type RequiredVariables = Readonly<Record<string, string>>;

/** `baton deploy` does not read stored workflows, so the user sets their variables. */
async function requiredVariables(workflow: BuiltWorkflow): Promise<RequiredVariables> {
  const { appliedNeeds } = await import("../../deployment/plan.ts");
  return appliedNeeds(workflow);
}

/** The variables between two sentences. No lines if there are no variables. */
function variableLines(needs: RequiredVariables, before: string, after?: string): string[] {
  const variables = Object.entries(needs).map(([name, value]) => `${name}=${value}`);
  if (variables.length === 0) return [];
  return [before, `  ${variables.join(" ")}`, ...(after === undefined ? [] : [after])];
}

export function registerApply(program: Command, session: Session): void {
  program
    .command("apply")
    .description("store a workflow written as data, replacing an earlier one with the same name")
    .argument("<file.yaml>", "file in YAML or JSON")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton apply often.yaml")
    .action((path: string, { json }: { readonly json?: true }) => apply(session, path, json));
}

async function apply(session: Session, path: string, json: true | undefined): Promise<void> {
  const { readWorkflowData } = await import("../../app/check-workflows.ts");
  const { source, result } = await readWorkflowData(path, session.environment);
  if (!result.ok || result.problems.length > 0) {
    for (const { code, where, message } of result.problems)
      session.note(`problem ${code} in ${where}: ${message}`);
    if (json) session.json({ applied: false, workflowId: null, problems: result.problems });
    session.exitCode = failureExitCode;
    return;
  }
  const workflowId = result.workflow.id;
  await withApp(
    session,
    async (app) => {
      await app.applied.apply(workflowId, source);
      for (const { file, message } of await app.folder.problems())
        if (file === `applied workflow "${workflowId}"`) session.note(`but not used: ${message}`);
      const needs = app.configuration.engine === "gcp" ? await requiredVariables(result.workflow) : {};
      if (json) return session.json({ applied: true, workflowId, problems: [], needs });
      session.print(`applied ${workflowId} (${result.workflow.definition.tasks.length} tasks)`);
      for (const line of variableLines(
        needs,
        "The deployment needs these variables, in addition to its present ones:",
        "If they are missing, deploy with them: `baton deploy --skip-function`.",
      ))
        session.print(line);
    },
    "creates",
  );
}

export function registerRemove(program: Command, session: Session): void {
  program
    .command("remove")
    .description("remove an applied workflow: nothing starts it any more; running batches continue")
    .argument("<workflow>", "id of the workflow")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton remove often")
    .action((workflowId: string, { json }: { readonly json?: true }) =>
      withApp(session, (app) => remove(session, app, workflowId, json)),
    );
}

async function remove(session: Session, app: App, workflowId: string, json: true | undefined): Promise<void> {
  const applied = await app.applied.find(workflowId);
  if (!applied) throw await notAppliedError(app, workflowId);
  const inFolder = await isInFolder(app, workflowId);
  const workflow = await parseApplied(applied, session);
  // A file with that workflow keeps its schedules.
  const schedules = inFolder ? [] : schedulesOf(workflow);
  // Another process may have removed it in the meantime, which is the wanted result.
  await app.applied.remove(workflowId, schedules);
  const needs = app.configuration.engine === "gcp" && workflow ? await requiredVariables(workflow) : {};
  if (json) return session.json({ removed: true, workflowId, inFolder, needs });
  session.print(`removed ${workflowId}; its running batches keep their definition`);
  if (inFolder) session.print(`A file in the folder has a workflow ${workflowId} too, which stays.`);
  const before =
    "The deployment has variables for it. Once its batches have ended, remove those that no other workflow needs:";
  for (const line of variableLines(needs, before)) session.print(line);
}

async function notAppliedError(app: App, workflowId: string): Promise<BatonError> {
  const known = (await app.applied.all()).map((workflow) => workflow.workflowId);
  const suggestion = nearestName(workflowId, known);
  const inFolder = await isInFolder(app, workflowId);
  return new BatonError(
    "WORKFLOW_UNKNOWN",
    `No workflow "${workflowId}" was applied; the applied workflows are: ${known.join(", ") || "none"}` +
      `${suggestion === undefined ? "" : `; did you mean ${suggestion}?`}`,
    {
      remedy: inFolder
        ? "It comes from a file in the folder of BATON_WORKFLOWS: delete the file, or move it elsewhere."
        : "Name a workflow that was stored with `baton apply`.",
    },
  );
}

/** False if the folder does not exist. */
async function isInFolder({ folder }: App, workflowId: string): Promise<boolean> {
  try {
    return await folder.isInFolder(workflowId);
  } catch (thrown) {
    if (thrown instanceof BatonError && thrown.code === "WORKFLOW_FOLDER_MISSING") return false;
    throw thrown;
  }
}

/** Undefined if this version can't parse it: an older version may have stored it. */
async function parseApplied(
  applied: AppliedWorkflow,
  { environment }: Session,
): Promise<BuiltWorkflow | undefined> {
  const { readAppliedWorkflow } = await import("../../app/check-workflows.ts");
  const result = await readAppliedWorkflow(applied, environment);
  return result.ok ? result.workflow : undefined;
}

function schedulesOf(workflow: BuiltWorkflow | undefined) {
  return workflow?.triggers.filter((trigger) => trigger.type === "schedule") ?? [];
}
