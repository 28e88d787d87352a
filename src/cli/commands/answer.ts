import type { Command } from "commander";
import { actions } from "../../app/actions.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Completion } from "../../core/messages.ts";
import { isTerminal } from "../../core/records.ts";
import { encodeJson, type JsonValue } from "../../core/values/json.ts";
import { nearestName, quoteForShell } from "../../core/values/text.ts";
import type { TaskView } from "../../core/views/views.ts";
import type { Engine } from "../../engine/engine.ts";
import type { ReceivedEvent } from "../../engine/events.ts";
import { parseMessageOrUsage, readJson } from "../arguments.ts";
import { oneLine } from "../output/text.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

/** The JSON of `<text>` or `@<file>`. Throws `USAGE` if it can't be stored, `NUMBER_NOT_EXACT`, `KEY_REPEATED`. */
async function readStorableJson(session: Session, argument: string, name: string): Promise<JsonValue> {
  const json = await readJson(session, argument, name);
  const encoded = encodeJson(json);
  if (!encoded.ok)
    throw new BatonError("USAGE", `${name} can't be stored: ${encoded.path}: ${encoded.problem}`);
  if (encoded.bytes > limits.resultBytes)
    throw new BatonError(
      "USAGE",
      `${name} has ${encoded.bytes} bytes; at most ${limits.resultBytes} are allowed`,
    );
  return json;
}

interface CompleteOptions {
  readonly result?: string;
  readonly error?: string;
  readonly json?: true;
}

export function registerComplete(program: Command, session: Session): void {
  program
    .command("complete")
    .description("end a task that waits for its completion from outside")
    .argument("<batchId>", "id of the batch")
    .argument("<taskId>", "id of the task")
    .option("--result <json|@file>", "it succeeded with this result (default: none)")
    .option("--error <text>", "it failed")
    .option("--json", "print JSON")
    .addHelpText(
      "after",
      `\nExample:\n  baton complete approval-1a2b3c4d5e6f7a8b9c0d ask --result '{"approved":true}'`,
    )
    .action((batchId: string, taskId: string, options: CompleteOptions) =>
      complete(session, { batchId, taskId }, options),
    );
}

async function complete(
  session: Session,
  { batchId, taskId }: { readonly batchId: string; readonly taskId: string },
  { json, ...outcome }: CompleteOptions,
): Promise<void> {
  const completion = await parseCompletion(session, outcome);
  await withApp(session, async (app) => {
    const after = await actions.complete.perform(app, { batchId, taskId, completion });
    const { status, reason, waitsFor } = after;
    const completed = isTerminal(status);
    if (json) return session.json({ batchId, taskId, completed, status, reason, waitsFor });
    for (const line of outcomeText(batchId, after)) session.print(line);
  });
}

const continuationNote = "A running server continues it, or the next `baton start`.";

/** Says whether the completion ended the task or was stored for it. */
function outcomeText(batchId: string, { taskId, status, reason, waitsFor }: TaskView): string[] {
  const task = `Task ${taskId} of batch ${batchId}`;
  if (isTerminal(status)) return [`${task} ended ${status}.`, continuationNote];
  if (waitsFor.length > 0)
    return [
      `${task} does not wait for its completion: it waits for the event ${oneLine(waitsFor.join(" or "))}.`,
      ...waitsFor.map((event) => `Send it with: baton event ${batchId} ${quoteForShell(event)}`),
      "The completion is stored until the task waits for one.",
    ];
  if (reason === "completion")
    return [`${task} can't use its completion now: it is stored, and applied soon.`, continuationNote];
  const state = reason === null ? status : `${status}, ${reason}`;
  return [`${task} does not wait for its completion yet (${state}): stored until it does.`, continuationNote];
}

async function parseCompletion(
  session: Session,
  { result, error }: Pick<CompleteOptions, "result" | "error">,
): Promise<Completion> {
  if (result !== undefined && error !== undefined)
    throw new BatonError("USAGE", "A task ends with --result or with --error, not with both");
  if (error !== undefined) return { error };
  return { result: result === undefined ? null : await readStorableJson(session, result, "--result") };
}

const shownWaiting = 20;

interface EventOptions {
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
    .action((batchId: string, name: string, options: EventOptions) => event(session, batchId, name, options));
}

async function event(
  session: Session,
  batchId: string,
  name: string,
  { payload, json }: EventOptions,
): Promise<void> {
  const value = payload === undefined ? null : await readStorableJson(session, payload, "--payload");
  await withApp(session, async (app) => {
    const { engine } = app;
    // First, so that a malformed id is reported as an unknown batch.
    const { status } = await engine.admin.status(batchId);
    const { EventMessageSchema } = await import("../../core/messages.ts");
    const sent = { batchId, event: name, payload: value };
    parseMessageOrUsage(EventMessageSchema, { kind: "event", ...sent });
    const received = await actions.event.perform(app, sent);
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
