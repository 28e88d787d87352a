import type { Command } from "commander";
import type { App } from "../../composition/app.ts";
import { daySeconds } from "../../core/time.ts";
import type { Forgetting } from "../../engine/forget/forget.ts";
import { forgettingText, forgettingView } from "../output/forget.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

interface Options {
  readonly delete?: true;
  readonly json?: true;
}

export function registerForget(program: Command, session: Session): void {
  program
    .command("forget")
    .description("show what is stored of a batch and its retries, and delete it")
    .argument("<batchId>", "id of a batch that has ended")
    .option("--delete", "delete it, without a way to undo it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton forget greet-1a2b3c4d5e6f7a8b9c0d --delete")
    .action((batchId: string, options: Options) =>
      withApp(session, (app) => forget(session, app, batchId, options)),
    );
}

async function forget(session: Session, app: App, batchId: string, options: Options): Promise<void> {
  const isToBeDeleted = options.delete === true;
  const forgetting = await app.engine.admin.forget(batchId, { isToBeDeleted });
  const { engine } = app.configuration;
  const told = { batchId, engine, isDeleted: isToBeDeleted };
  if (options.json) session.json(forgettingView(forgetting, told));
  else session.print(forgettingText(forgetting, told));
  if (engine === "gcp" && hasJustEnded(forgetting))
    session.note(isToBeDeleted ? lateMessages : `${lateMessages} To be sure, wait a day before --delete.`);
}

const lateMessages =
  "It ended less than a day ago: a late message can run a task again whose TaskLog is gone.";

function hasJustEnded({ batches }: Forgetting): boolean {
  return batches.some(
    ({ endedAt }) => endedAt !== null && Date.now() - Date.parse(endedAt) < daySeconds * 1_000,
  );
}
