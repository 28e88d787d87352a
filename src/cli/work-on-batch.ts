import type { EmbeddedApp } from "../composition/embedded.ts";
import type { BatchView } from "../core/views.ts";
import type { Started } from "../engine/start.ts";
import { follow } from "./follow.ts";
import { batchLine, changeLine, taskTable } from "./output/batch.ts";
import { failureExitCode, type Session, stoppingNote } from "./session.ts";

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
  app: EmbeddedApp,
  begin: () => Promise<Started>,
  { json, detach }: WorkOptions,
): Promise<void> {
  const mark = app.engine.mark();
  const { batchId, created } = await begin();
  await app.engine.sync(mark);
  if (!json) session.print(`batch ${batchId}${created ? "" : " exists already"}`);
  if (detach) return leaveToServer(session, app, batchId, json);
  const stop = session.catchSignals();
  app.work.start({ batchId });
  await follow(app, batchId, {
    stop,
    onChange: json ? undefined : (task) => session.print(changeLine(task)),
  });
  if (stop.aborted) session.note(stoppingNote);
  await app.work.stop();
  const view = await app.engine.show(batchId);
  if (json) session.json(view);
  else session.print(`\n${taskTable(view)}\n\n${batchLine(view)}`);
  session.exitCode = exitCodeOf(view, stop);
  if (view.status === "RUNNING")
    session.note(
      `The batch is not lost: \`baton start\` goes on with it; see it with \`baton show ${batchId}\`.`,
    );
}

async function leaveToServer(
  session: Session,
  app: EmbeddedApp,
  batchId: string,
  json: true | undefined,
): Promise<void> {
  if (json) return session.json(await app.engine.show(batchId));
  session.print(`A running server takes it up, or the next \`baton start\`; see \`baton show ${batchId}\`.`);
}

function exitCodeOf(view: BatchView, stop: AbortSignal): number {
  if (view.status === "SUCCESS") return 0;
  return view.status === "RUNNING" ? Number(stop.reason) : failureExitCode;
}
