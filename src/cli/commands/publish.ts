import type { Command } from "commander";
import { readBytes } from "../arguments.ts";
import { whoWorks } from "../output/who-works.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

export function registerPublish(program: Command, session: Session): void {
  program
    .command("publish")
    .description("publish a message, as it could be posted to the HTTP entry")
    .argument("<json|@file|->", "the message, a file of it, or - for standard input")
    .option("--json", "print the message as it was published, and the batch it starts")
    .addHelpText("after", `\nExample:\n  baton publish '{"workflowId":"greet","input":{"name":"Ada"}}'`)
    .action((argument: string, options: { readonly json?: true }) =>
      publish(session, argument, options.json),
    );
}

async function publish(session: Session, argument: string, json: true | undefined): Promise<void> {
  const body = await readBytes(argument);
  const { publishBody } = await import("../../composition/publish.ts");
  await withApp(
    session,
    async (app) => {
      const { message, batchId } = await publishBody(app, body);
      if (json) return session.json({ message, batchId });
      session.print(`Published${batchId === null ? "" : `: it starts batch ${batchId}`}.`);
      session.print(`${whoWorks(app)} handles it.`);
    },
    "creates",
  );
}
