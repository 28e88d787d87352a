import type { App } from "../composition/app.ts";
import type { Callback } from "../core/callback.ts";
import type { BatchView } from "../core/views.ts";
import type { Started } from "../engine/start.ts";
import { follow } from "./follow.ts";
import { batchLine, changeLine, taskTable } from "./output/batch.ts";
import { whoWorks } from "./output/who-works.ts";
import { failureExitCode, type Session, stoppingNote } from "./session.ts";
import { callbacksUnderWay, untilSettled } from "./settled-callbacks.ts";

export interface WorkOptions {
  readonly json?: true;
  /** Leave the work to a server. */
  readonly detach?: true;
}

/**
 * Starts a batch, works on it only, and tells of it until it ends; other processes may work on it too. It exists
 * on disk before anything is told.
 */
export async function workOnBatch(
  session: Session,
  app: App,
  begin: () => Promise<Started>,
  { json, detach }: WorkOptions,
): Promise<void> {
  const { batchId, created } = await app.engine.durably(begin);
  if (!json) session.print(`batch ${batchId}${created ? "" : " exists already"}`);
  if (detach) return leaveToServer(session, app, batchId, json);
  const stop = session.catchSignals();
  app.work.start({ batchId });
  await follow(app, batchId, {
    stop,
    onChange: json ? undefined : (task) => session.print(changeLine(task)),
  });
  const unsent = stop.aborted ? [] : await finishCallbacks(app, batchId, stop);
  if (stop.aborted) session.note(stoppingNote);
  await app.work.stop();
  const view = await app.engine.admin.show(batchId);
  if (json) session.json(view);
  else session.print(`\n${taskTable(view)}\n\n${batchLine(view)}`);
  session.exitCode = exitCodeOf(view, stop);
  if (view.status === "RUNNING")
    session.note(`The batch is not lost. ${whoWorks(app)} continues it; see \`baton show ${batchId}\`.`);
  noteUnsent(session, app, unsent);
}

/** The final callbacks of a batch that has ended, and that nobody has taken yet although they were waited for. */
async function finishCallbacks(app: App, batchId: string, stop: AbortSignal): Promise<Callback[]> {
  const pending = await callbacksUnderWay(app, await app.engine.admin.show(batchId));
  const callbackIds = pending.map(({ callbackId }) => callbackId);
  // Those of a batch that had ended before are nobody's: their messages name no batch that could be worked on.
  await app.engine.admin.callbacks.driveDue(callbackIds);
  return untilSettled(app, callbackIds, stop);
}

function noteUnsent(session: Session, app: App, unsent: readonly Callback[]): void {
  for (const { eventId, taskId, sends, deliveredAt } of unsent) {
    const problem = sends.at(-1)?.error ?? "it is being sent";
    const what = deliveredAt === null ? "has not been accepted" : "was accepted, but is not archived";
    session.note(`The callback ${eventId} of task ${taskId} ${what}: ${problem}`);
  }
  if (unsent.length > 0) session.note(`It is not lost. ${whoWorks(app)} will send it.`);
}

async function leaveToServer(
  session: Session,
  app: App,
  batchId: string,
  json: true | undefined,
): Promise<void> {
  if (json) return session.json(await app.engine.admin.show(batchId));
  session.print(`${whoWorks(app)} runs it; see \`baton show ${batchId}\`.`);
}

function exitCodeOf(view: BatchView, stop: AbortSignal): number {
  if (view.status === "SUCCESS") return 0;
  return view.status === "RUNNING" ? Number(stop.reason) : failureExitCode;
}
