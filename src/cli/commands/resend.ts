import type { Command } from "commander";
import type { App } from "../../app/app.ts";
import type { Callback } from "../../core/callback.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { defaults } from "../../core/limits.ts";
import type { CallbackCondition } from "../../ports/callbacks.ts";
import { wholeNumber } from "../arguments.ts";
import { untilSettled } from "../follow-batch.ts";
import { withoutQuery } from "../output/explain.ts";
import { oneLine } from "../output/text.ts";
import { failureExitCode, type Session } from "../session.ts";
import { withApp } from "../with-app.ts";
import { withKnownKey } from "./keys.ts";

/** What became of one callback that was to be sent again. */
interface ResentView {
  readonly eventId: string;
  /**
   * `delivered`: taken, though perhaps not archived, see `error`; `not_taken`: it stays to be sent, see `error`; `under_way`: another process is at it; `missing`: archived,
   * but no longer in the store; `selected`: what a dry run found.
   */
  readonly outcome: "delivered" | "not_taken" | "under_way" | "missing" | "selected";
  readonly error: string | null;
  readonly type: Callback["type"] | null;
  readonly key: string | null;
  readonly batchId: string | null;
  readonly taskId: string | null;
  readonly url: string | null;
}

/** A callback as it stands after it was sent, or found. */
function resentView(callback: Callback, outcome: ResentView["outcome"]): ResentView {
  const { eventId, type, key, batchId, taskId, target, sends } = callback;
  const error = callback.failures > 0 ? (sends.at(-1)?.error ?? null) : null;
  return { eventId, outcome, error, type, key, batchId, taskId, url: target.url };
}

function missingView(eventId: string): ResentView {
  return {
    eventId,
    outcome: "missing",
    error: null,
    type: null,
    key: null,
    batchId: null,
    taskId: null,
    url: null,
  };
}

/** What was taken is delivered, also when it could not be archived yet. */
function outcomeAfter({ state, failures, deliveredAt }: Callback): ResentView["outcome"] {
  if (deliveredAt !== null) return "delivered";
  return state === "GIVEN_UP" || failures > 0 ? "not_taken" : "under_way";
}

function resentLine({ eventId, outcome, error, type, batchId, taskId, url }: ResentView): string {
  const about = `${type} of task ${taskId} in ${batchId}, to ${withoutQuery(url ?? "")}`;
  return oneLine(`${eventId}  ${wordsFor(outcome, about, error ?? "")}`);
}

function wordsFor(outcome: ResentView["outcome"], about: string, error: string): string {
  switch (outcome) {
    case "delivered":
      return `delivered: ${about}${error === "" ? "" : `; not archived: ${error}`}`;
    case "not_taken":
      return `not accepted: ${about}: ${error}; \`baton start\` keeps trying`;
    case "under_way":
      return `being sent by another process: ${about}`;
    case "missing":
      return "archived, but no longer in the store: it can't be sent again";
    case "selected":
      return `would be sent again: ${about}`;
  }
}

interface SelectionOptions {
  readonly key?: string;
  readonly event?: string;
  readonly jobId?: string;
  readonly accountId?: string;
  readonly leadId?: string;
  readonly field?: readonly string[];
  readonly where?: string;
  readonly table?: string;
}

/** Which callbacks are meant: that of a key, one by its id, or those of the archive that satisfy a condition. */
type Selection =
  | { readonly key: string }
  | { readonly eventId: string }
  | { readonly condition: CallbackCondition };

/** Throws `USAGE` unless exactly one way to select was used. */
function parseSelection(options: SelectionOptions): Selection {
  const { key, event, jobId, accountId, leadId, field, where, table } = options;
  const ways = [key, event, jobId, field, where].filter((way) => way !== undefined);
  if (ways.length !== 1)
    throw usage(
      "Select callbacks in one way: --key, --event, --job-id, --field (perhaps several), or --where",
    );
  if ((accountId !== undefined || leadId !== undefined) && jobId === undefined)
    throw usage("--account-id and --lead-id go with --job-id");
  if (table !== undefined && (key ?? event) !== undefined)
    throw usage("--table names a table of the archive; --key and --event do not look there");
  if (key !== undefined) return { key };
  if (event !== undefined) return { eventId: event };
  if (where !== undefined) return { condition: { where } };
  const named = [
    ["job_id", jobId],
    ["account_id", accountId],
    ["lead_id", leadId],
  ].flatMap(([name, value]) => (name !== undefined && value !== undefined ? [[name, value] as const] : []));
  return { condition: { equals: Object.fromEntries([...named, ...(field ?? []).map(readField)]) } };
}

function readField(written: string): readonly [name: string, value: string] {
  const at = written.indexOf("=");
  if (at < 1) throw usage(`--field ${written}: expected name=value`);
  return [written.slice(0, at), written.slice(at + 1)];
}

function usage(message: string): BatonError {
  return new BatonError("USAGE", message);
}

interface Options extends SelectionOptions {
  readonly limit: number;
  readonly dryRun?: true;
  readonly json?: true;
}

const collect = (value: string, before: readonly string[] = []) => [...before, value];

export function registerResend(program: Command, session: Session): void {
  program
    .command("resend")
    .description("send stored final callbacks again, with the same id and body; this executes nothing")
    .option("--key <key>", "the callback of this idempotency key")
    .option("--event <id>", "the callback with this id")
    .option("--job-id <id>", "callbacks in the archive with this job_id")
    .option("--account-id <id>", "with --job-id: and this account_id")
    .option("--lead-id <id>", "with --job-id: and this lead_id")
    .option("--field <name=value>", "callbacks in the archive with this value; may be repeated", collect)
    .option("--where <sql>", "callbacks in the archive that match this condition")
    .option("--table <name>", `table of the archive (default: ${defaults.callbackTable})`)
    .option(
      "--limit <number>",
      "maximum number of callbacks from the archive",
      wholeNumber(1, 1_000_000),
      1_000,
    )
    .option("--dry-run", "only list them")
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton resend --key 'enrich/work?job_id=j1'")
    .action((options: Options) => resend(session, options));
}

async function resend(session: Session, options: Options): Promise<void> {
  const selection = parseSelection(options);
  await withApp(session, async (app) => {
    const eventIds = await eventIdsOf(session, app, selection, options);
    const tell = (view: ResentView) => {
      if (!options.json) session.print(resentLine(view));
      return view;
    };
    const views = options.dryRun ? await find(app, eventIds, tell) : await send(app, eventIds, tell);
    if (options.json) session.json(views);
    const wanted = options.dryRun ? "selected" : "delivered";
    if (views.some(({ outcome }) => outcome !== wanted)) session.exitCode = failureExitCode;
  });
}

/** Throws `EXECUTION_UNKNOWN`, `CALLBACK_UNKNOWN`, and what a wrong condition throws. */
async function eventIdsOf(
  session: Session,
  app: App,
  selection: Selection,
  { table = defaults.callbackTable, limit }: Options,
): Promise<readonly string[]> {
  const { callbacks } = app.engine.admin;
  if ("key" in selection)
    return [(await withKnownKey(app, selection.key, (key) => callbacks.lastOfKey(key))).eventId];
  if ("eventId" in selection) return [(await callbacks.require(selection.eventId)).eventId];
  const found = await callbacks.archived(table, selection.condition, limit);
  if (found.callbacks.length === 0)
    throw new BatonError("CALLBACK_UNKNOWN", `Table ${table} has no such callback, or does not exist`);
  if (found.hasMore) session.note(`There are more than ${limit}: raise --limit.`);
  return found.callbacks.map(({ eventId }) => eventId);
}

type Tell = (view: ResentView) => ResentView;

async function find({ engine }: App, eventIds: readonly string[], tell: Tell): Promise<ResentView[]> {
  const views: ResentView[] = [];
  for (const eventId of eventIds) {
    const callback = await engine.admin.callbacks.find(eventId);
    views.push(tell(callback ? resentView(callback, "selected") : missingView(eventId)));
  }
  return views;
}

/** All are asked for before the first is sent: if this process dies then, a server sends the rest. */
async function send(app: App, eventIds: readonly string[], tell: Tell): Promise<ResentView[]> {
  const known = new Map<string, boolean>();
  for (const eventId of eventIds) known.set(eventId, await askAgain(app, eventId));
  const views: ResentView[] = [];
  for (const [eventId, isKnown] of known)
    views.push(tell(isKnown ? await sendOne(app, eventId) : missingView(eventId)));
  return views;
}

async function askAgain({ engine }: App, eventId: string): Promise<boolean> {
  try {
    await engine.admin.callbacks.resend(eventId);
    return true;
  } catch (thrown) {
    if (thrown instanceof BatonError && thrown.code === "CALLBACK_UNKNOWN") return false;
    throw thrown;
  }
}

/** On Google Cloud the function sends it, which has been told: it has the secret to sign with, and whoever asks has not. */
async function sendOne(app: App, eventId: string): Promise<ResentView> {
  const { engine, configuration } = app;
  if (configuration.engine === "embedded") await engine.deliverCallback(eventId);
  // A server may have been faster, and be at it.
  await untilSettled(app, [eventId]);
  const callback = await engine.admin.callbacks.find(eventId);
  return callback ? resentView(callback, outcomeAfter(callback)) : missingView(eventId);
}
