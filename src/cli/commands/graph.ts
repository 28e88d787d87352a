import { type Command, Option } from "commander";
import type { Session } from "../session.ts";
import { findWorkflow, withApp } from "../with-app.ts";

export function registerGraph(program: Command, session: Session): void {
  program
    .command("graph")
    .description("print a workflow as a diagram")
    .argument("<workflow>", "id of the workflow")
    .addOption(new Option("--format <format>", "language").choices(["mermaid", "dot"]).default("mermaid"))
    .addHelpText("after", "\nExample:\n  baton graph sales-refresh --format dot")
    .action((workflowId: string, { format }: { readonly format: "mermaid" | "dot" }) =>
      withApp(
        session,
        async (app) => {
          const { definition } = await findWorkflow(session, app, workflowId);
          const { toDot, toMermaid } = await import("../../core/graph-text.ts");
          session.print((format === "dot" ? toDot(definition) : toMermaid(definition)).trimEnd());
        },
        "workflows",
      ),
    );
}
