import type { Command } from "commander";
import type { App } from "../../app/app.ts";
import { daySeconds } from "../../core/values/time.ts";
import type { ErasureReport } from "../../engine/erasure/erase-batch.ts";
import { section, table } from "../output/text.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

interface ErasureContext {
  readonly batchId: string;
  readonly engine: "embedded" | "gcp";
  readonly isDeleted: boolean;
}

/** What `baton forget --json` prints. */
interface ErasureView
  extends Pick<
    ErasureReport,
    "batches" | "objects" | "unsentCallbacks" | "keys" | "deadLetters" | "unreadableLetters"
  > {
  readonly batchId: string;
  readonly deleted: boolean;
  /** The number of documents of each kind. */
  readonly documents: Readonly<Record<string, number>>;
  readonly notReached: {
    readonly archive: ErasureReport["archived"];
    readonly files: ErasureReport["files"];
    readonly elsewhere: readonly string[];
  };
}

function erasureView(report: ErasureReport, { batchId, engine, isDeleted }: ErasureContext): ErasureView {
  const { batches, keys, deadLetters, unreadableLetters, objects, unsentCallbacks, archived, files } = report;
  const { taskLogs, steps, events, completions, callbacks } = report;
  return {
    batchId,
    deleted: isDeleted,
    batches,
    documents: {
      batches: batches.length,
      taskLogs,
      steps,
      events,
      completions,
      callbacks,
      keys: keys.length,
      deadLetters: deadLetters.length,
    },
    objects,
    unsentCallbacks,
    keys,
    deadLetters,
    unreadableLetters,
    notReached: { archive: archived, files, elsewhere: elsewhere[engine] },
  };
}

function erasureText(report: ErasureReport, context: ErasureContext): string {
  const { batches, keys, deadLetters, unsentCallbacks } = report;
  const keysWith = (wanted: string) => keys.filter(({ fate }) => fate === wanted).map(({ key }) => key);
  return [
    ...batches.map(({ batchId, status, run }) => `batch ${batchId} ${status}, run ${run}`),
    "",
    table(["STORED", "NUMBER"], countRows(report)),
    "",
    ...shortenedSection(
      "Keys whose result is deleted: their next call runs from the beginning",
      keysWith("deleted"),
    ),
    ...shortenedSection(
      "Keys that keep another batch's result, without the stored failure",
      keysWith("scrubbed"),
    ),
    ...shortenedSection("Dead letters", deadLetters),
    ...shortenedSection("Not reached", notReached(report, context.engine)),
    ...(unsentCallbacks > 0
      ? [`${unsentCallbacks} of the callbacks were not accepted by their receivers.`]
      : []),
    context.isDeleted
      ? "Deleted, except for the data that `baton forget` can't reach: docs/operations.md."
      : `Nothing is deleted. To delete it: baton forget ${context.batchId} --delete`,
  ].join("\n");
}

function countRows(report: ErasureReport): string[][] {
  const numbers = {
    batches: report.batches.length,
    TaskLogs: report.taskLogs,
    steps: report.steps,
    events: report.events,
    "stored completions": report.completions,
    callbacks: report.callbacks,
    "records of keys": report.keys.length,
    "dead letters": report.deadLetters.length,
    "objects of large values": report.objects,
  };
  return Object.entries(numbers).map(([what, number]) => [what, String(number)]);
}

function shortenedSection(title: string, lines: readonly string[]): string[] {
  const shown = lines.slice(0, shownLines);
  const more = lines.length - shown.length;
  if (more > 0) shown.push(`and ${more} more: --json`);
  return shown.length > 0 ? section(title, shown) : [];
}

const shownLines = 20;

function notReached(report: ErasureReport, engine: ErasureContext["engine"]): string[] {
  const { archived, files, unreadableLetters } = report;
  return [
    ...(unreadableLetters > 0 ? [`${unreadableLetters} dead letters that can't be read`] : []),
    ...elsewhere[engine],
    ...archived.map(({ table: name, key }) => `the row of ${name} with ${JSON.stringify(key)}`),
    ...files.map(({ bucket, object }) => `the file ${object} in ${bucket}, if it still exists`),
  ];
}

const everywhere = [
  "data at receivers of callbacks and at services that tasks wrote to; tables, including the archive of callbacks",
  "copies of its results in other batches that received them by a key",
  "logs and traces: they have ids and error messages",
  "the workflow's definition: it is shared, and has no data of a batch",
];

const elsewhere: Readonly<Record<ErasureContext["engine"], readonly string[]>> = {
  gcp: [
    "undelivered messages: Pub/Sub and Cloud Tasks keep them for up to 31 days",
    "the database as it was: seven days of point-in-time recovery, backups, exports",
    "objects in the bucket's soft deletion: seven days",
    ...everywhere,
  ],
  embedded: [
    "messages in the queues of a server",
    "the free pages of baton.sqlite: SQLite overwrites them over time, `VACUUM` at once",
    "copies of the data folder",
    ...everywhere,
  ],
};

interface Options {
  readonly delete?: true;
  readonly json?: true;
}

export function registerForget(program: Command, session: Session): void {
  program
    .command("forget")
    .description("show what is stored of a batch and its retries, and delete it")
    .argument("<batchId>", "id of a batch that has ended")
    .option("--delete", "delete it, without a way to undo it")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton forget greet-1a2b3c4d5e6f7a8b9c0d --delete")
    .action((batchId: string, options: Options) =>
      withApp(session, (app) => forget(session, app, batchId, options)),
    );
}

async function forget(session: Session, app: App, batchId: string, options: Options): Promise<void> {
  const isToBeDeleted = options.delete === true;
  const report = await app.engine.admin.forget(batchId, { isToBeDeleted });
  const { engine } = app.configuration;
  const context = { batchId, engine, isDeleted: isToBeDeleted };
  if (options.json) session.json(erasureView(report, context));
  else session.print(erasureText(report, context));
  if (engine === "gcp" && endedWithinDay(report))
    session.note(isToBeDeleted ? lateMessages : `${lateMessages} To be sure, wait a day before --delete.`);
}

const lateMessages =
  "It ended less than a day ago: a late message can run a task again whose TaskLog is gone.";

function endedWithinDay({ batches }: ErasureReport): boolean {
  return batches.some(
    ({ endedAt }) => endedAt !== null && Date.now() - Date.parse(endedAt) < daySeconds * 1_000,
  );
}
