import { writeFileSync } from "node:fs";
import { type Command, Option } from "commander";
import { actions } from "../../app/actions.ts";
import type { App } from "../../app/app.ts";
import { follow } from "../../app/batch-control.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { type TriggerKind, triggers } from "../../core/history/batch-search.ts";
import { limits } from "../../core/limits.ts";
import type { BatchStatus } from "../../core/records.ts";
import type { BatchSummary, BatchView } from "../../core/views/views.ts";
import type { BatchFilter } from "../../engine/queries/batch-list.ts";
import { pastTime, wholeNumber } from "../arguments.ts";
import { batchLine, batchText } from "../follow-batch.ts";
import { durationBetween, table } from "../output/text.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

interface Options {
  readonly workflow?: string;
  readonly status?: BatchStatus;
  readonly trigger?: TriggerKind;
  readonly input?: string;
  readonly startedSince?: number;
  readonly startedBefore?: number;
  readonly endedSince?: number;
  readonly endedBefore?: number;
  readonly limit: number;
  readonly cursor?: string;
  readonly json?: true;
}

const statuses = ["RUNNING", "SUCCESS", "ERROR", "CANCELLED"] satisfies BatchStatus[];

export function registerBatches(program: Command, session: Session): void {
  program
    .command("batches")
    .description("list batches, newest first: by the time of their start or, with --ended-…, of their end")
    .option("--workflow <id>", "only those of this workflow")
    .addOption(new Option("--status <status>", "only those of this status").choices(statuses))
    .addOption(new Option("--trigger <kind>", "only those that this has started").choices([...triggers]))
    .option("--input <field=value>", "only those with this in a field of their input")
    .option(
      "--started-since <time>",
      "only those that started since then: 24h, yesterday, 2026-11-30",
      pastTime,
    )
    .option("--started-before <time>", "only those that started before then", pastTime)
    .option("--ended-since <time>", "only those that ended since then", pastTime)
    .option("--ended-before <time>", "only those that ended before then", pastTime)
    .option("--limit <number>", "maximum number of batches", wholeNumber(1, 1_000_000), 50)
    .option("--cursor <cursor>", "continue the list of an earlier call")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton batches --status ERROR --ended-since yesterday")
    .action((options: Options) => batches(session, options));
}

async function batches(session: Session, options: Options): Promise<void> {
  const filter = filterOf(options);
  await withApp(session, async (app) => {
    const { limit, cursor: from, json } = options;
    const page = { limit, ...(from !== undefined && { cursor: from }) };
    const { batches, cursor } = await app.engine.admin.batches(filter, page);
    if (json) session.json(batches);
    else session.print(batchTable(batches));
    if (cursor !== null)
      session.note(`There are older ones: raise --limit, or continue with --cursor ${cursor}`);
  });
}

function batchTable(batches: readonly BatchSummary[]): string {
  const rows = batches.map(({ batchId, status, run, createdAt, endedAt, startedBy }) => [
    batchId,
    status,
    String(run),
    createdAt,
    durationBetween(createdAt, endedAt),
    startedBy,
  ]);
  return table(["BATCH", "STATUS", "RUN", "CREATED", "DURATION", "STARTED BY"], rows);
}

function filterOf({ workflow, status, trigger, input, ...times }: Options): BatchFilter {
  return {
    ...(workflow !== undefined && { workflowId: workflow }),
    ...(status !== undefined && { status }),
    ...(trigger !== undefined && { trigger }),
    ...(input !== undefined && { input: fieldAndValue(input) }),
    ...range("started", times.startedSince, times.startedBefore),
    ...range("ended", times.endedSince, times.endedBefore),
  };
}

function range(name: "started" | "ended", from: number | undefined, before: number | undefined) {
  if (from === undefined && before === undefined) return {};
  return { [name]: { ...(from !== undefined && { from }), ...(before !== undefined && { before }) } };
}

function fieldAndValue(text: string): { readonly field: string; readonly value: string } {
  const [field = "", ...value] = text.split("=");
  if (field === "" || value.length === 0)
    throw new BatonError("USAGE", "--input is a field and its value: --input date=2026-11-30");
  return { field, value: value.join("=") };
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
