import type { Command } from "commander";
import { batchText } from "../output/batch.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

export function registerShow(program: Command, session: Session): void {
  program
    .command("show")
    .description("show a batch and every task of it")
    .argument("<batchId>", "id of the batch")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton show greet-1a2b3c4d5e6f7a8b9c0d --json")
    .action((batchId: string, { json }: { readonly json?: true }) =>
      withApp(session, async (app) => {
        const view = await app.engine.admin.show(batchId);
        if (json) session.json(view);
        else session.print(batchText(view));
      }),
    );
}
