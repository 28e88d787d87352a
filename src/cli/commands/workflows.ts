import type { Command } from "commander";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { table } from "../output/text.ts";
import { triggerJson, triggerText } from "../output/trigger.ts";
import type { Session } from "../session.ts";
import { noteProblems, withApp } from "../with-app.ts";

export function registerWorkflows(program: Command, session: Session): void {
  program
    .command("workflows")
    .description("list the workflows that can be run")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton workflows")
    .action(({ json }: { readonly json?: true }) =>
      withApp(
        session,
        async (app) => {
          const workflows = await app.folder.all();
          await noteProblems(session, app);
          if (json) return session.json(workflows.map(jsonOf));
          const rows = workflows.map(({ definition, triggers }) => [
            definition.workflowId,
            String(definition.tasks.length),
            triggers.map(triggerText).join(", "),
          ]);
          session.print(table(["WORKFLOW", "TASKS", "STARTED BY"], rows));
        },
        "workflows",
      ),
    );
}

function jsonOf({ definition, triggers }: DeployedWorkflow) {
  const tasks = definition.tasks.map(({ id, type, after }) => ({ taskId: id, type, after }));
  return { workflowId: definition.workflowId, tasks, triggers: triggers.map(triggerJson) };
}
