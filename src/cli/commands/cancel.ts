import type { Command } from "commander";
import { batchLine } from "../output/batch.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

export function registerCancel(program: Command, session: Session): void {
  program
    .command("cancel")
    .description("cancel a batch: nothing of it starts any more, what runs is told to stop")
    .argument("<batchId>", "id of the batch")
    .option("--json", "print the batch as JSON")
    .action((batchId: string, { json }: { readonly json?: true }) =>
      withApp(session, async (app) => {
        await app.engine.cancel(batchId);
        const view = await app.engine.show(batchId);
        if (json) return session.json(view);
        session.print(batchLine(view));
        if (view.status !== "CANCELLED") session.note("It had ended already, and stays as it is.");
      }),
    );
}
