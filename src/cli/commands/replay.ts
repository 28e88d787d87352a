import type { Command } from "commander";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

export function registerReplay(program: Command, session: Session): void {
  program
    .command("replay")
    .description("publish the message of a dead letter again")
    .argument("<deadLetterId>", "id of the dead letter")
    .option("--json", "print the message as it was published, and the batch it starts")
    .action((deadLetterId: string, { json }: { readonly json?: true }) =>
      replay(session, deadLetterId, json),
    );
}

async function replay(session: Session, deadLetterId: string, json: true | undefined): Promise<void> {
  const { replayDeadLetter } = await import("../../composition/publish.ts");
  await withApp(session, async (app) => {
    const { message, batchId } = await replayDeadLetter(app, deadLetterId);
    if (json) return session.json({ deadLetterId, message, batchId });
    session.print(`Published again${batchId === null ? "" : `: it starts batch ${batchId}`}.`);
    session.print("A running server handles it, or the next `baton start`.");
  });
}
