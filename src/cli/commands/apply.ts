import type { Command } from "commander";
import { failureExitCode, type Session } from "../session.ts";
import { withApp } from "../with-app.ts";

export function registerApply(program: Command, session: Session): void {
  program
    .command("apply")
    .description("store a workflow written as data, in place of an earlier one of its name")
    .argument("<file.yaml>", "file in YAML or JSON")
    .option("--json", "print JSON")
    .action((path: string, { json }: { readonly json?: true }) => apply(session, path, json));
}

async function apply(session: Session, path: string, json: true | undefined): Promise<void> {
  const { readWorkflowData } = await import("../../composition/check-workflows.ts");
  const { source, result } = await readWorkflowData(path);
  if (!result.ok) {
    for (const { code, where, message } of result.problems)
      session.note(`problem ${code} in ${where}: ${message}`);
    if (json) session.json({ applied: false, workflowId: null, problems: result.problems });
    session.exitCode = failureExitCode;
    return;
  }
  const workflowId = result.workflow.id;
  await withApp(session, async (app) => {
    await app.applied.apply(workflowId, source);
    for (const { file, message } of await app.folder.problems())
      if (file === `applied workflow "${workflowId}"`) session.note(`but not used: ${message}`);
    if (json) session.json({ applied: true, workflowId, problems: [] });
    else session.print(`applied ${workflowId} (${result.workflow.definition.tasks.length} tasks)`);
  });
}
