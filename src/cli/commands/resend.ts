import type { Command } from "commander";
import type { App } from "../../composition/app.ts";
import { BatonError } from "../../core/errors.ts";
import { defaults } from "../../core/limits.ts";
import { wholeNumber } from "../arguments.ts";
import { withKnownKey } from "../known-key.ts";
import { missingView, outcomeAfter, type ResentView, resentLine, resentView } from "../output/resend.ts";
import { type Selection, type SelectionOptions, selectionOf } from "../resend-selection.ts";
import { failureExitCode, type Session } from "../session.ts";
import { untilSettled } from "../settled-callbacks.ts";
import { withApp } from "../with-app.ts";

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
  const selection = selectionOf(options);
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
