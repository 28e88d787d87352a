import type { Command } from "commander";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";
import { type WorkOptions, workOnBatch } from "../work-on-batch.ts";

export function registerRetry(program: Command, session: Session): void {
  program
    .command("retry")
    .description("run the tasks that did not succeed again, in a new batch that inherits the successes")
    .argument("<batchId>", "id of a batch that ended ERROR or CANCELLED")
    .option("--json", "print the finished new batch as JSON, and nothing else")
    .option("--detach", "only start it: a running server does the work")
    .addHelpText("after", "\nExample:\n  baton retry greet-1a2b3c4d5e6f7a8b9c0d")
    .action((batchId: string, options: WorkOptions) =>
      withApp(session, (app) => workOnBatch(session, app, () => app.engine.retry(batchId), options)),
    );
}
