import { writeFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { actions } from "../../app/actions.ts";
import type { App } from "../../app/app.ts";
import { follow } from "../../app/batch-control.ts";
import { limits } from "../../core/limits.ts";
import type { BatchStatus } from "../../core/records.ts";
import type { BatchView } from "../../core/views/views.ts";
import { wholeNumber } from "../arguments.ts";
import { batchLine, batchText } from "../follow-batch.ts";
import { durationBetween, table } from "../output/text.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

interface Options {
  readonly workflow?: string;
  readonly status?: BatchStatus;
  readonly limit: number;
  readonly json?: true;
}

const statuses = ["RUNNING", "SUCCESS", "ERROR", "CANCELLED"] satisfies BatchStatus[];

export function registerBatches(program: Command, session: Session): void {
  program
    .command("batches")
    .description("list batches, newest first")
    .option("--workflow <id>", "only those of this workflow")
    .addOption(new Option("--status <status>", "only those of this status").choices(statuses))
    .option("--limit <number>", "maximum number of batches", wholeNumber(1, 1_000_000), 50)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton batches --workflow greet --status ERROR --limit 10")
    .action((options: Options) => batches(session, options));
}

async function batches(session: Session, { workflow, status, limit, json }: Options): Promise<void> {
  await withApp(session, async (app) => {
    const filter = {
      ...(workflow !== undefined && { workflowId: workflow }),
      ...(status !== undefined && { status }),
    };
    const { batches, hasMore } = await app.engine.admin.newest(filter, limit);
    if (json) return session.json(batches);
    const rows = batches.map(({ batchId, status, run, createdAt, endedAt, startedBy }) => [
      batchId,
      status,
      String(run),
      createdAt,
      durationBetween(createdAt, endedAt),
      startedBy,
    ]);
    session.print(table(["BATCH", "STATUS", "RUN", "CREATED", "DURATION", "STARTED BY"], rows));
    if (hasMore) session.note("There are older ones: raise --limit.");
  });
}

interface ShowOptions {
  readonly html?: string;
  readonly redact?: true;
  readonly json?: true;
}

export function registerShow(program: Command, session: Session): void {
  program
    .command("show")
    .description("show a batch and every task of it")
    .argument("<batchId>", "id of the batch")
    .option("--html <file>", "write it to a file as one page that needs nothing else")
    .option("--redact", "with --html: without inputs, results and messages of errors")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton show greet-1a2b3c4d5e6f7a8b9c0d --json")
    .action((batchId: string, options: ShowOptions) =>
      withApp(session, async (app) => {
        const view = await app.engine.admin.show(batchId);
        if (options.html !== undefined)
          await writePage(session, app, batchId, options.html, options.redact === true);
        else if (options.json) session.json(view);
        else session.print(batchText(view));
      }),
    );
}

async function writePage(
  session: Session,
  app: App,
  batchId: string,
  file: string,
  isRedacted: boolean,
): Promise<void> {
  const { readAssets, sharedBatch } = await import("../../console/index.ts");
  const { packageFolder } = await import("../../configuration/project.ts");
  const { style } = readAssets(`${packageFolder()}/dist/console`);
  writeFileSync(file, await sharedBatch(app, batchId, { style, isRedacted, now: Date.now() }));
  session.print(`Wrote ${file}.`);
}

interface CancelOptions {
  readonly here?: true;
  readonly json?: true;
}

export function registerCancel(program: Command, session: Session): void {
  program
    .command("cancel")
    .description("cancel a batch: none of its tasks starts any more, running ones are asked to stop")
    .argument("<batchId>", "id of the batch")
    .option("--here", "on Google Cloud: cancel it in this process, without the function")
    .option("--json", "print the batch as JSON")
    .addHelpText("after", "\nExample:\n  baton cancel greet-1a2b3c4d5e6f7a8b9c0d")
    .action((batchId: string, options: CancelOptions) =>
      withApp(session, (app) => cancel(session, app, batchId, options)),
    );
}

async function cancel(
  session: Session,
  app: App,
  batchId: string,
  { here, json }: CancelOptions,
): Promise<void> {
  // On Google Cloud the function cancels it: the user may have no permission to cancel the jobs of its tasks.
  const usesFunction = app.configuration.engine === "gcp" && !here;
  const stop = usesFunction ? await requestCancel(session, app, batchId) : undefined;
  if (!usesFunction) await actions.cancel.perform(app, { batchId, here: true });
  const view = await app.engine.admin.show(batchId);
  if (json) session.json(view);
  else session.print(batchLine(view));
  noteOutcome(session, view);
  if (view.status === "RUNNING" && stop?.aborted) session.exitCode = Number(stop.reason);
}

/**
 * Asks the function to cancel a batch, and waits until the batch has ended or a signal arrives. After `hintMs` it notes
 * what may be wrong. Returns the abort signal of the command.
 */
export async function requestCancel(
  session: Session,
  app: App,
  batchId: string,
  hintMs: number = limits.cancelHintSeconds * 1_000,
): Promise<AbortSignal> {
  const stop = session.catchSignals();
  await actions.cancel.perform(app, { batchId });
  const hint = setTimeout(() => session.note(cancelHint(batchId)), hintMs);
  try {
    await follow(app, batchId, { stop, onChange: undefined });
  } finally {
    clearTimeout(hint);
  }
  return stop;
}

function cancelHint(batchId: string): string {
  return (
    "The function has not answered yet. `baton doctor` checks whether it can be reached. " +
    `If it is stopped intentionally, \`baton cancel ${batchId} --here\` cancels without it.`
  );
}

function noteOutcome(session: Session, { batchId, status }: BatchView): void {
  if (status === "CANCELLED") return;
  session.note(
    status === "RUNNING"
      ? `Not confirmed: the function has not answered. The request stays in its topic; see \`baton show ${batchId}\`.`
      : "It had already ended, and is unchanged.",
  );
}
