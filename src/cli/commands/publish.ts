import type { Command } from "commander";
import { readBytes } from "../arguments.ts";
import { publishedText } from "../output/published.ts";
import { whoWorks } from "../output/who-works.ts";
import type { Session } from "../session.ts";
import { namingWorkflows, withApp } from "../with-app.ts";

interface Options {
  readonly unchecked?: true;
  readonly json?: true;
}

export const uncheckedHelp = "publish it without the check here: the deployed workflows may be newer";

export function registerPublish(program: Command, session: Session): void {
  program
    .command("publish")
    .description("publish a message, as it could be posted to the HTTP entry")
    .argument("<json|@file|->", "the message, a file of it, or - for standard input")
    .option("--unchecked", uncheckedHelp)
    .option("--json", "print the message as it was published, and the batches that it starts or refers to")
    .addHelpText("after", `\nExample:\n  baton publish '{"workflowId":"greet","input":{"name":"Ada"}}'`)
    .action((argument: string, options: Options) => publish(session, argument, options));
}

async function publish(session: Session, argument: string, { unchecked, json }: Options): Promise<void> {
  const body = await readBytes(session, argument);
  const { publishBody } = await import("../../composition/publish.ts");
  await withApp(
    session,
    async (app) => {
      const options = { isUnchecked: unchecked === true };
      const published = await namingWorkflows(session, app, () => publishBody(app, body, options));
      if (json) return session.json(published);
      session.print(`Published: ${publishedText(published)}.`);
      session.print(`${whoWorks(app)} handles it.`);
    },
    "creates",
  );
}
