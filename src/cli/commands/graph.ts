import { type Command, Option } from "commander";
import type { Session } from "../session.ts";
import { findWorkflow, withApp } from "../with-app.ts";

interface Options {
  readonly format: "mermaid" | "dot";
  readonly json?: true;
}

export function registerGraph(program: Command, session: Session): void {
  program
    .command("graph")
    .description("print a workflow as a diagram")
    .argument("<workflow>", "id of the workflow")
    .addOption(new Option("--format <format>", "language").choices(["mermaid", "dot"]).default("mermaid"))
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton graph sales-refresh --format dot")
    .action((workflowId: string, { format, json }: Options) =>
      withApp(
        session,
        async (app) => {
          const { definition } = await findWorkflow(session, app, workflowId);
          const { toDot, toMermaid } = await import("../../core/graph-text.ts");
          const diagram = (format === "dot" ? toDot(definition) : toMermaid(definition)).trimEnd();
          if (json) session.json({ workflowId, format, diagram });
          else session.print(diagram);
        },
        "workflows",
      ),
    );
}
