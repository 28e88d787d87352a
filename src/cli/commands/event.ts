import type { Command } from "commander";
import type { ReceivedEvent } from "../../engine/events.ts";
import { parseMessageOrUsage } from "../arguments.ts";
import { readStorableJson } from "../json-argument.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

interface Options {
  readonly payload?: string;
  readonly json?: true;
}

export function registerEvent(program: Command, session: Session): void {
  program
    .command("event")
    .description("tell the tasks of a batch that something has happened that they wait for, or will")
    .argument("<batchId>", "id of the batch")
    .argument("<name>", "name of the event: the step that waits for it")
    .option("--payload <json|@file>", "what the tasks get of it (default: null)")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `\nExample:\n  baton event order-1a2b3c4d5e6f7a8b9c0d paid --payload '{"amount":12}'`,
    )
    .action((batchId: string, name: string, options: Options) => event(session, batchId, name, options));
}

async function event(
  session: Session,
  batchId: string,
  name: string,
  { payload, json }: Options,
): Promise<void> {
  const given = payload === undefined ? null : await readStorableJson(payload, "--payload");
  await withApp(session, async ({ engine }) => {
    // First of all, so that an id which is none is told as a batch that is not there.
    const { status } = await engine.status(batchId);
    const { EventMessageSchema } = await import("../../core/messages.ts");
    const event = { kind: "event", batchId, event: name, payload: given };
    const message = parseMessageOrUsage(EventMessageSchema, event);
    const mark = engine.mark();
    const received = await engine.receiveEvent(message);
    await engine.sync(mark);
    if (json) return session.json({ batchId, event: name, batchStatus: status, ...received });
    session.print(keptText(name, received));
    if (status !== "RUNNING") session.print(`Batch ${batchId} has ended ${status}: no task will ask for it.`);
    else session.print(wokenText(received));
  });
}

function keptText(name: string, { isFirst }: ReceivedEvent): string {
  if (isFirst) return `Event ${name} is kept.`;
  return `Event ${name} had been sent before: the first one stands, this one is dropped.`;
}

function wokenText({ woken }: ReceivedEvent): string {
  if (woken.length === 0) return "No task waits for an event now: it is there for whichever asks for it.";
  return `Woke ${woken.join(", ")}: a running server goes on, or the next \`baton start\`.`;
}
