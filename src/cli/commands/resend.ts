import type { Command } from "commander";
import { actions } from "../../app/actions.ts";
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

/** The outcome of one callback. */
interface ResendView {
  readonly eventId: string;
  /**
   * `delivered`: accepted, but not archived if `error` is set; `not_taken`: not accepted yet, see `error`; `under_way`:
   * another process sends it; `missing`: archived, but no longer in the store; `selected`: found by a dry run.
   */
  readonly outcome: "delivered" | "not_taken" | "under_way" | "missing" | "selected";
  readonly error: string | null;
  readonly type: Callback["type"] | null;
  readonly key: string | null;
  readonly batchId: string | null;
  readonly taskId: string | null;
  readonly url: string | null;
}

function resendView(callback: Callback, outcome: ResendView["outcome"]): ResendView {
  const { eventId, type, key, batchId, taskId, target, sends } = callback;
  const error = callback.failures > 0 ? (sends.at(-1)?.error ?? null) : null;
  return { eventId, outcome, error, type, key, batchId, taskId, url: target.url };
}

function missingView(eventId: string): ResendView {
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

/** An accepted callback is delivered, also if it is not archived yet. */
function outcomeAfter({ state, failures, deliveredAt }: Callback): ResendView["outcome"] {
  if (deliveredAt !== null) return "delivered";
  return state === "GIVEN_UP" || failures > 0 ? "not_taken" : "under_way";
}

function resendLine({ eventId, outcome, error, type, batchId, taskId, url }: ResendView): string {
  const about = `${type} of task ${taskId} in ${batchId}, to ${withoutQuery(url ?? "")}`;
  return oneLine(`${eventId}  ${outcomeText(outcome, about, error ?? "")}`);
}

function outcomeText(outcome: ResendView["outcome"], about: string, error: string): string {
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

/** The callback of a key, the callback with an id, or those of the archive that match a condition. */
type Selection =
  | { readonly key: string }
  | { readonly eventId: string }
  | { readonly condition: CallbackCondition };

/** Throws `USAGE` unless exactly one way to select was used. */
function parseSelection(options: SelectionOptions): Selection {
  const { key, event, jobId, accountId, leadId, field, where, table } = options;
  const ways = [key, event, jobId, field, where].filter((way) => way !== undefined);
  if (ways.length !== 1)
    throw usageError(
      "Select callbacks in one way: --key, --event, --job-id, --field (perhaps several), or --where",
    );
  if ((accountId !== undefined || leadId !== undefined) && jobId === undefined)
    throw usageError("--account-id and --lead-id go with --job-id");
  if (table !== undefined && (key ?? event) !== undefined)
    throw usageError("--table names a table of the archive; --key and --event do not read it");
  if (key !== undefined) return { key };
  if (event !== undefined) return { eventId: event };
  if (where !== undefined) return { condition: { where } };
  const named = [
    ["job_id", jobId],
    ["account_id", accountId],
    ["lead_id", leadId],
  ].flatMap(([name, value]) => (name !== undefined && value !== undefined ? [[name, value] as const] : []));
  return { condition: { equals: Object.fromEntries([...named, ...(field ?? []).map(parseField)]) } };
}

function parseField(text: string): readonly [name: string, value: string] {
  const at = text.indexOf("=");
  if (at < 1) throw usageError(`--field ${text}: expected name=value`);
  return [text.slice(0, at), text.slice(at + 1)];
}

function usageError(message: string): BatonError {
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
    const eventIds = await selectEventIds(session, app, selection, options);
    const report = (view: ResendView) => {
      if (!options.json) session.print(resendLine(view));
      return view;
    };
    const views = options.dryRun ? await find(app, eventIds, report) : await send(app, eventIds, report);
    if (options.json) session.json(views);
    const wanted = options.dryRun ? "selected" : "delivered";
    if (views.some(({ outcome }) => outcome !== wanted)) session.exitCode = failureExitCode;
  });
}

/** Throws `EXECUTION_UNKNOWN`, `CALLBACK_UNKNOWN`, and the errors of an invalid condition. */
async function selectEventIds(
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

type ReportView = (view: ResendView) => ResendView;

async function find({ engine }: App, eventIds: readonly string[], report: ReportView): Promise<ResendView[]> {
  const views: ResendView[] = [];
  for (const eventId of eventIds) {
    const callback = await engine.admin.callbacks.find(eventId);
    views.push(report(callback ? resendView(callback, "selected") : missingView(eventId)));
  }
  return views;
}

/** Resets all callbacks before it sends the first: if this process dies, a server sends the others. */
async function send(app: App, eventIds: readonly string[], report: ReportView): Promise<ResendView[]> {
  const known = new Map<string, boolean>();
  for (const eventId of eventIds) known.set(eventId, await resetForResend(app, eventId));
  const views: ResendView[] = [];
  for (const [eventId, isKnown] of known)
    views.push(report(isKnown ? await sendOne(app, eventId) : missingView(eventId)));
  return views;
}

async function resetForResend(app: App, eventId: string): Promise<boolean> {
  try {
    await actions.resend.perform(app, { eventId });
    return true;
  } catch (thrown) {
    if (thrown instanceof BatonError && thrown.code === "CALLBACK_UNKNOWN") return false;
    throw thrown;
  }
}

/** On Google Cloud the function sends it: this process has no access to the secret that signs callbacks. */
async function sendOne(app: App, eventId: string): Promise<ResendView> {
  const { engine, configuration } = app;
  if (configuration.engine === "embedded") await engine.deliverCallback(eventId);
  // A server may be sending it already.
  await untilSettled(app, [eventId]);
  const callback = await engine.admin.callbacks.find(eventId);
  return callback ? resendView(callback, outcomeAfter(callback)) : missingView(eventId);
}
