import type { Command } from "commander";
import { needLines, needsOf } from "../output/applied-needs.ts";
import { failureExitCode, type Session } from "../session.ts";
import { withApp } from "../with-app.ts";

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
  const { readWorkflowData } = await import("../../composition/check-workflows.ts");
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
      const needs = app.configuration.engine === "gcp" ? await needsOf(result.workflow) : {};
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
