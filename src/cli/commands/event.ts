import type { Command } from "commander";
import { nearestName } from "../../core/values/text.ts";
import type { Engine } from "../../engine/engine.ts";
import type { ReceivedEvent } from "../../engine/events.ts";
import { parseMessageOrUsage } from "../arguments.ts";
import { oneLine } from "../output/text.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";
import { readStorableJson } from "./complete.ts";

const shownWaiting = 20;

interface Options {
  readonly payload?: string;
  readonly json?: true;
}

export function registerEvent(program: Command, session: Session): void {
  program
    .command("event")
    .description("send an event to the tasks of a batch that wait for it, now or later")
    .argument("<batchId>", "id of the batch")
    .argument("<name>", "name of the event: the step that waits for it")
    .option("--payload <json|@file>", "the value that the tasks get (default: null)")
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
  const value = payload === undefined ? null : await readStorableJson(session, payload, "--payload");
  await withApp(session, async ({ engine }) => {
    // First, so that a malformed id is reported as an unknown batch.
    const { status } = await engine.admin.status(batchId);
    const { EventMessageSchema } = await import("../../core/messages.ts");
    const event = { kind: "event", batchId, event: name, payload: value };
    const message = parseMessageOrUsage(EventMessageSchema, event);
    const received = await engine.durably(() => engine.receiveEvent(message));
    const waiting = received.woken.length === 0 ? await waitingTasks(engine, batchId) : [];
    if (json) return session.json({ batchId, event: name, batchStatus: status, ...received, waiting });
    session.print(storedText(name, received));
    if (status !== "RUNNING")
      session.print(`Batch ${batchId} has ended ${status}: no task will wait for it.`);
    else if (received.woken.length > 0) session.print(resumedText(received));
    else for (const line of notResumedText(name, waiting)) session.print(oneLine(line));
  });
}

/** A task that waits for other events. */
interface WaitingTask {
  readonly taskId: string;
  readonly events: readonly string[];
}

async function waitingTasks(engine: Engine, batchId: string): Promise<WaitingTask[]> {
  const { tasks } = await engine.admin.show(batchId);
  return tasks
    .filter(({ waitsFor }) => waitsFor.length > 0)
    .map(({ taskId, waitsFor }) => ({ taskId, events: waitsFor }));
}

function storedText(name: string, { isFirst }: ReceivedEvent): string {
  if (isFirst) return `Event ${name} is stored.`;
  return `Event ${name} was sent before: the first one counts, this one is dropped.`;
}

/** A mistyped name is stored like any other. The names that tasks wait for reveal the mistake. */
function notResumedText(name: string, waiting: readonly WaitingTask[]): string[] {
  const lines = [`No task waits for ${name} now: a task that waits for it later will find it.`];
  const shown = waiting.slice(0, shownWaiting);
  lines.push(...shown.map(({ taskId, events }) => `Task ${taskId} waits for ${events.join(", ")}.`));
  if (waiting.length > shown.length)
    lines.push(`${waiting.length - shown.length} more tasks wait for other events.`);
  const suggestion = nearestName(
    name,
    waiting.flatMap(({ events }) => events),
  );
  if (suggestion !== undefined && suggestion !== name) lines.push(`Did you mean ${suggestion}?`);
  return lines;
}

function resumedText({ woken }: ReceivedEvent): string {
  return `Resumed ${woken.join(", ")}: a running server continues, or the next \`baton start\`.`;
}
