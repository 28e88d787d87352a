import type { Command } from "commander";
import { BatonError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import type { Completion, TaskMessage } from "../../core/messages.ts";
import { isTerminal } from "../../core/records.ts";
import { encodeJson, type JsonValue } from "../../core/values/json.ts";
import { quoteForShell } from "../../core/values/text.ts";
import type { TaskView } from "../../core/views/views.ts";
import type { Engine } from "../../engine/engine.ts";
import { readJson } from "../arguments.ts";
import { oneLine } from "../output/text.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

/** The JSON of `<text>` or `@<file>`. Throws `USAGE` if it can't be stored, `NUMBER_NOT_EXACT`. */
export async function readStorableJson(session: Session, argument: string, name: string): Promise<JsonValue> {
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

interface Options {
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
    .action((batchId: string, taskId: string, options: Options) =>
      complete(session, { batchId, taskId }, options),
    );
}

async function complete(
  session: Session,
  { batchId, taskId }: { readonly batchId: string; readonly taskId: string },
  { json, ...outcome }: Options,
): Promise<void> {
  const completion = await parseCompletion(session, outcome);
  await withApp(session, async ({ engine }) => {
    const before = await findTask(engine, batchId, taskId);
    if (isTerminal(before.status))
      throw new BatonError("TASK_ENDED", `Task ${taskId} of batch ${batchId} has ended ${before.status}`);
    const message: TaskMessage = { kind: "task", batchId, taskId, previousTaskId: taskId, completion };
    const unit = engine.begin();
    await engine.handleTask(message, { unit });
    await unit.durable();
    const after = await findTask(engine, batchId, taskId);
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

/** Throws `BATCH_UNKNOWN`, `TASK_UNKNOWN`. */
async function findTask(engine: Engine, batchId: string, taskId: string): Promise<TaskView> {
  const { tasks } = await engine.admin.show(batchId);
  const task = tasks.find((known) => known.taskId === taskId);
  if (task) return task;
  const known = tasks.map((each) => each.taskId).slice(0, 20);
  throw new BatonError(
    "TASK_UNKNOWN",
    `Batch ${batchId} has no task ${taskId}; it has ${known.join(", ")}${tasks.length > 20 ? ", …" : ""}`,
  );
}

async function parseCompletion(
  session: Session,
  { result, error }: Pick<Options, "result" | "error">,
): Promise<Completion> {
  if (result !== undefined && error !== undefined)
    throw new BatonError("USAGE", "A task ends with --result or with --error, not with both");
  if (error !== undefined) return { error };
  return { result: result === undefined ? null : await readStorableJson(session, result, "--result") };
}
