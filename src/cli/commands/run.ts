import type { Command } from "commander";
import { actions } from "../../app/actions.ts";
import type { App } from "../../app/app.ts";
import { follow } from "../../app/batch-control.ts";
import type { Callback } from "../../core/callback.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import type { StartMessage } from "../../core/messages.ts";
import type { BatchView } from "../../core/views/views.ts";
import type { Started } from "../../engine/start/start-batch.ts";
import { parseMessageOrUsage, readJson, wholeNumber } from "../arguments.ts";
import type { BackfillOptions } from "../backfill/backfill.ts";
import { batchLine, changeLine, pendingCallbacks, taskTable, untilSettled } from "../follow-batch.ts";
import { workerMode } from "../output/text.ts";
import { failureExitCode, type Session, stoppingNote } from "../session.ts";
import { findWorkflow, withApp } from "../with-app.ts";

/** Errors of messages that were not published. */
const publishErrors: ReadonlySet<string> = new Set(["TOPIC_MISSING", "BROKER_DENIED", "BROKER_FAILED"]);

/** Adds the batch id to an error after which the batch exists or may exist. */
export function withBatchId(thrown: unknown): unknown {
  if (!(thrown instanceof BatonError)) return thrown;
  const batchId = thrown.details?.batchId;
  if (typeof batchId !== "string") return thrown;
  if (thrown.code === "STORE_FAILED") return possiblyStartedError(thrown, batchId);
  return publishErrors.has(thrown.code) ? unpublishedError(thrown, batchId) : thrown;
}

/** The write may have been applied although its reply was lost. */
function possiblyStartedError(thrown: BatonError, batchId: string): BatonError {
  const { code, message } = thrown;
  return new BatonError(code, `${message}. Batch ${batchId} may have been started anyway`, {
    cause: thrown,
    remedy:
      `Check within minutes whether it exists: \`baton show ${batchId}\`. ` +
      "Only a start with the same `--key` refers to the same batch.",
  });
}

function unpublishedError(thrown: BatonError, batchId: string): BatonError {
  const { code, message, remedy } = thrown;
  return new BatonError(code, `${message}. Batch ${batchId} was started, but its tasks were not published`, {
    cause: thrown,
    remedy:
      `${code === "TOPIC_MISSING" ? missingQueue : remedy} Then a sweep publishes its tasks, within minutes; ` +
      `\`baton show ${batchId}\` shows it. Or cancel it: \`baton cancel ${batchId}\`.`,
  });
}

const missingQueue =
  "Deploy the queue: add it to BATON_DEPLOY_QUEUES, and run `baton deploy --skip-function`. " +
  "`baton doctor` lists what is missing.";

interface WorkOptions {
  readonly json?: true;
  /** A server runs the batch. */
  readonly detach?: true;
}

/**
 * Starts a batch, runs only its tasks, and reports their changes until the batch ends. Other processes may run its
 * tasks too. The batch is stored before the first line is printed.
 */
async function runBatch(
  session: Session,
  app: App,
  startBatch: () => Promise<Started>,
  { json, detach }: WorkOptions,
): Promise<void> {
  const { batchId, created } = await startBatch();
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
  session.exitCode = exitCodeFor(view, stop);
  if (view.status === "RUNNING")
    session.note(`The batch is not lost. ${workerMode(app)} continues it; see \`baton show ${batchId}\`.`);
  reportUnsentCallbacks(session, app, unsent);
}

/** Waits for the final callbacks of an ended batch. Returns those that are not accepted and archived. */
async function finishCallbacks(app: App, batchId: string, stop: AbortSignal): Promise<Callback[]> {
  const pending = await pendingCallbacks(app, await app.engine.admin.show(batchId));
  const callbackIds = pending.map(({ callbackId }) => callbackId);
  // The worker ignores callbacks of other batches, such as one that `already_completed` has sent again.
  await app.engine.admin.callbacks.driveDue(callbackIds);
  return untilSettled(app, callbackIds, stop);
}

function reportUnsentCallbacks(session: Session, app: App, unsent: readonly Callback[]): void {
  for (const { eventId, taskId, sends, deliveredAt } of unsent) {
    const problem = sends.at(-1)?.error ?? "it is being sent";
    const state = deliveredAt === null ? "has not been accepted" : "was accepted, but is not archived";
    session.note(`The callback ${eventId} of task ${taskId} ${state}: ${problem}`);
  }
  if (unsent.length > 0) session.note(`It is not lost. ${workerMode(app)} will send it.`);
}

async function leaveToServer(
  session: Session,
  app: App,
  batchId: string,
  json: true | undefined,
): Promise<void> {
  if (json) return session.json(await app.engine.admin.show(batchId));
  session.print(`${workerMode(app)} runs it; see \`baton show ${batchId}\`.`);
}

function exitCodeFor(view: BatchView, stop: AbortSignal): number {
  if (view.status === "SUCCESS") return 0;
  return view.status === "RUNNING" ? Number(stop.reason) : failureExitCode;
}

interface Options extends WorkOptions {
  readonly input?: string;
  readonly key?: string;
}

export function registerRun(program: Command, session: Session): void {
  program
    .command("run")
    .description("start a batch of a workflow, run it and follow it until it ends")
    .argument("<workflow>", "id of the workflow")
    .option("--input <json|@file>", "the input of the batch")
    .option("--key <key>", "a start with the same key returns the same batch")
    .option("--json", "print the finished batch as JSON, and nothing else")
    .option("--detach", "only start it: a running server does the work")
    .addHelpText("after", `\nExample:\n  baton run greet --input '{"name":"Ada"}'`)
    .action((workflowId: string, options: Options) => run(session, workflowId, options));
}

async function run(session: Session, workflowId: string, options: Options): Promise<void> {
  const message = await startMessage(session, workflowId, options);
  await withApp(
    session,
    async (app) => {
      await findWorkflow(session, app, workflowId);
      await runBatch(session, app, () => start(app, message), options);
    },
    "creates",
  );
}

async function start(app: App, message: StartMessage): Promise<Started> {
  try {
    return await actions.run.perform(app, message);
  } catch (thrown) {
    throw withBatchId(thrown);
  }
}

async function startMessage(
  session: Session,
  workflowId: string,
  { input, key }: Options,
): Promise<StartMessage> {
  const { StartMessageSchema } = await import("../../core/messages.ts");
  return parseMessageOrUsage(StartMessageSchema, {
    kind: "start",
    workflowId,
    ...(input !== undefined && { input: await readJson(session, input, "--input") }),
    ...(key !== undefined && { key }),
  });
}

export function registerRetry(program: Command, session: Session): void {
  program
    .command("retry")
    .description("run the tasks that did not succeed again, in a new batch that inherits the successes")
    .argument("<batchId>", "id of a batch that ended ERROR or CANCELLED")
    .option("--json", "print the finished new batch as JSON, and nothing else")
    .option("--detach", "only start it: a running server does the work")
    .addHelpText("after", "\nExample:\n  baton retry greet-1a2b3c4d5e6f7a8b9c0d")
    .action((batchId: string, options: WorkOptions) =>
      withApp(session, (app) =>
        runBatch(session, app, () => actions.retry.perform(app, { batchId }), options),
      ),
    );
}

const defaultConcurrency = 4;

export function registerBackfill(program: Command, session: Session): void {
  program
    .command("backfill")
    .description("run a workflow for every line of a file, or for every day or slot of a schedule in a range")
    .argument("<workflow>", "id of the workflow")
    .option(
      "--input <file>",
      "an item per line of a .ndjson or .jsonl file, or per row of a .csv file with a header",
    )
    .option(
      "--from <YYYY-MM-DD>",
      'the first day; its input is { "date": "YYYY-MM-DD" }, or that of each slot if there is a schedule',
    )
    .option("--to <YYYY-MM-DD>", "the last day")
    .option(
      "--concurrency <number>",
      "number of batches at a time",
      wholeNumber(1, limits.queueConcurrency),
      defaultConcurrency,
    )
    .option("--skip-invalid", "leave out invalid lines instead of starting nothing")
    .option("--dry-run", "only show the action for each item")
    .option("--json", "print the outcome as JSON, and nothing else")
    .addHelpText(
      "after",
      "\nRun it again after an interruption: completed items are skipped, failed ones are retried." +
        "\n\nExample:\n  baton backfill enrich --input leads.csv",
    )
    .action(async (workflowId: string, options: BackfillOptions) => {
      const { backfill } = await import("../backfill/backfill.ts");
      await backfill(session, workflowId, options);
    });
}
