import type { Command } from "commander";
import type { App } from "../../composition/app.ts";
import { follow } from "../follow.ts";
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
        await cancel(session, app, batchId);
        const view = await app.engine.show(batchId);
        if (json) return session.json(view);
        session.print(batchLine(view));
        if (view.status !== "CANCELLED") session.note("It had ended already, and stays as it is.");
      }),
    );
}

/** On Google Cloud the function cancels: it may end the jobs that the tasks have started, and whoever asks may not. */
async function cancel(session: Session, app: App, batchId: string): Promise<void> {
  if (app.configuration.engine === "embedded") return app.engine.cancel(batchId);
  await app.engine.requestCancel(batchId);
  await follow(app, batchId, { stop: session.catchSignals(), onChange: undefined });
}
