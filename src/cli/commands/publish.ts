import type { Command } from "commander";
import type { PublishResult } from "../../app/publish.ts";
import type { PreviewedBatch } from "../../engine/queries/preview.ts";
import { readBytes } from "../arguments.ts";
import { oneLine, workerMode } from "../output/text.ts";
import type { Session } from "../session.ts";
import { withApp, withKnownWorkflows } from "../with-app.ts";

/** The effect of a published message, to follow `Published: `. */
export function publishedText(published: PublishResult): string {
  const { message, batchId, batches } = published;
  if (batches === null) return batchId === null ? "unchecked" : `unchecked, for batch ${batchId}`;
  switch (message.kind) {
    case "start":
      return batches.map(startText).join("; ");
    case "object":
      if (batches.length > 0) return batches.map(startText).join("; ");
      return oneLine(`no workflow matches ${message.bucket}/${message.object}: it starts nothing`);
    case "callback":
      return `it sends callback ${message.callbackId}, if that is still pending`;
    case "sweep":
      return "it sweeps running batches";
    case "tick":
      return "it checks the schedules";
    default:
      return batches.map(addressedText).join("; ");
  }
}

function startText({ batchId, status }: PreviewedBatch): string {
  if (status === null) return `it starts batch ${batchId}`;
  return `batch ${batchId} was started before and is ${status}: nothing is started again`;
}

function addressedText({ batchId, status }: PreviewedBatch): string {
  if (status === "RUNNING") return `it is for batch ${batchId}`;
  return `batch ${batchId} has ended ${status}: nothing changes`;
}

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
  const { publishBody } = await import("../../app/publish.ts");
  await withApp(
    session,
    async (app) => {
      const options = { isUnchecked: unchecked === true };
      const published = await withKnownWorkflows(session, app, () => publishBody(app, body, options));
      if (json) return session.json(published);
      session.print(`Published: ${publishedText(published)}.`);
      session.print(`${workerMode(app)} handles it.`);
    },
    "creates",
  );
}
