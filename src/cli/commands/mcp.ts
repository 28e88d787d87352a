import type { Command } from "commander";
import type { Session } from "../session.ts";

export function registerMcp(program: Command, session: Session): void {
  program
    .command("mcp")
    .description("serve the commands that read to an agent, by the Model Context Protocol on standard input")
    .option("--allow-changes", "also serve run, retry, cancel and other commands that change data")
    .addHelpText(
      "after",
      "\nA client of the protocol starts it: docs/agents.md.\n\nExample:\n  baton mcp --allow-changes",
    )
    .action(async ({ allowChanges }: { readonly allowChanges?: true }) => {
      const stop = session.catchSignals();
      const { toolsOf } = await import("../mcp/tools.ts");
      const { serveTools } = await import("../mcp/server.ts");
      const version = program.version() ?? "";
      const served = { version, tools: toolsOf(program), allowsChanges: allowChanges === true };
      await serveTools(session, served, stop);
    });
}
