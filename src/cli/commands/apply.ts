import type { Command } from "commander";
import type { App } from "../../app/app.ts";
import { BatonError } from "../../core/errors/errors.ts";
import type { AppliedWorkflow } from "../../core/records.ts";
import { nearestName } from "../../core/values/text.ts";
import type { BuiltWorkflow } from "../../workflow/workflow.ts";
import { failureExitCode, type Session } from "../session.ts";
import { withApp } from "../with-app.ts";

/** Variables of a deployment by name: what it must have for a workflow that is stored. */
type AppliedNeeds = Readonly<Record<string, string>>;

/** `baton deploy` does not see stored workflows. It has to be told what they need. */
async function storedWorkflowNeeds(workflow: BuiltWorkflow): Promise<AppliedNeeds> {
  const { appliedNeeds } = await import("../../deployment/plan.ts");
  return appliedNeeds(workflow);
}

/**
 * The needs with a sentence before them, and one after them where there is more to do. No lines when there are none.
 */
function needLines(needs: AppliedNeeds, before: string, after?: string): string[] {
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
  const { source, result } = await readWorkflowData(path);
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
      const needs = app.configuration.engine === "gcp" ? await storedWorkflowNeeds(result.workflow) : {};
      if (json) return session.json({ applied: true, workflowId, problems: [], needs });
      session.print(`applied ${workflowId} (${result.workflow.definition.tasks.length} tasks)`);
      for (const line of needLines(
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
  if (!applied) throw await notApplied(app, workflowId);
  const inFolder = await isInFolder(app, workflowId);
  const workflow = await readApplied(applied);
  // The schedules of a file of that name are its own, and go on.
  const schedules = inFolder ? [] : schedulesOf(workflow);
  // Another process may have removed it meanwhile: it is gone, as was wanted.
  await app.applied.remove(workflowId, schedules);
  const needs = app.configuration.engine === "gcp" && workflow ? await storedWorkflowNeeds(workflow) : {};
  if (json) return session.json({ removed: true, workflowId, inFolder, needs });
  session.print(`removed ${workflowId}; its running batches keep their definition`);
  if (inFolder) session.print(`A file of the folder holds a workflow ${workflowId} too, which stays.`);
  const before =
    "The deployment has variables for it. Once its batches have ended, remove those that no other workflow needs:";
  for (const line of needLines(needs, before)) session.print(line);
}

async function notApplied(app: App, workflowId: string): Promise<BatonError> {
  const known = (await app.applied.all()).map((workflow) => workflow.workflowId);
  const meant = nearestName(workflowId, known);
  const inFolder = await isInFolder(app, workflowId);
  return new BatonError(
    "WORKFLOW_UNKNOWN",
    `No workflow "${workflowId}" was applied; there are: ${known.join(", ") || "none"}` +
      `${meant === undefined ? "" : `; did you mean ${meant}?`}`,
    {
      remedy: inFolder
        ? "It comes from a file in the folder of BATON_WORKFLOWS: delete the file, or move it elsewhere."
        : "Name a workflow that was stored with `baton apply`.",
    },
  );
}

/** Where there is no folder, nothing is in it. */
async function isInFolder({ folder }: App, workflowId: string): Promise<boolean> {
  try {
    return await folder.isInFolder(workflowId);
  } catch (thrown) {
    if (thrown instanceof BatonError && thrown.code === "WORKFLOW_FOLDER_MISSING") return false;
    throw thrown;
  }
}

/** Undefined when this version can't read it: an older one may have stored it. */
async function readApplied({ workflowId, source }: AppliedWorkflow): Promise<BuiltWorkflow | undefined> {
  const { readAppliedWorkflow } = await import("../../app/check-workflows.ts");
  const result = readAppliedWorkflow(workflowId, source);
  return result.ok ? result.workflow : undefined;
}

function schedulesOf(workflow: BuiltWorkflow | undefined) {
  return workflow?.triggers.filter((trigger) => trigger.type === "schedule") ?? [];
}
