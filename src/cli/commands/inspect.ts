import { Argument, type Command } from "commander";
import type { App } from "../../composition/app.ts";
import type { Listing } from "../../engine/newest.ts";
import { wholeNumber } from "../arguments.ts";
import { noteUnreadable } from "../note-unreadable.ts";
import { activeTable, lockTable, resultTable, statsText } from "../output/inspect.ts";
import { registeredJson, registeredText } from "../output/registered.ts";
import type { Session } from "../session.ts";
import { noteProblems, withApp } from "../with-app.ts";

interface Options {
  readonly limit: number;
  readonly json?: true;
}

type View = (session: Session, app: App, options: Options) => Promise<void>;

const views: Readonly<Record<string, View>> = {
  active: async (session, { engine }, options) =>
    list(session, options, await engine.admin.inspection.active(options.limit), activeTable),
  registered,
  stats,
  locks: async (session, { engine }, options) =>
    list(session, options, await engine.admin.inspection.locks(options.limit), lockTable),
  results: async (session, { engine }, options) =>
    list(session, options, await engine.admin.inspection.results(options.limit), resultTable),
};

export function registerInspect(program: Command, session: Session): void {
  program
    .command("inspect")
    .description("show running and waiting tasks, registered workflows, numbers, locks and cached results")
    .addArgument(new Argument("<what>", "what to look at").choices(Object.keys(views)))
    .option("--limit <number>", "maximum number of rows", wholeNumber(1, 1_000_000), 1_000)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton inspect active")
    .action((what: string, options: Options) =>
      withApp(
        session,
        async (app) => views[what]?.(session, app, options),
        what === "registered" ? "workflows" : "looks",
      ),
    );
}

function list<Row>(
  session: Session,
  { json }: Options,
  { rows, more, unreadable }: Listing<Row>,
  tableOf: (rows: readonly Row[]) => string,
): void {
  if (json) session.json(rows);
  else session.print(tableOf(rows));
  if (more > 0) session.note(`${more} more: raise --limit.`);
  noteUnreadable(session, unreadable);
}

async function registered(session: Session, app: App, { json }: Options): Promise<void> {
  const workflows = await app.folder.all();
  await noteProblems(session, app);
  if (json) session.json(registeredJson(workflows, app.configuration));
  else session.print(registeredText(workflows, app.configuration));
}

async function stats(session: Session, app: App, { json }: Options): Promise<void> {
  const found = await app.engine.admin.inspection.stats();
  const queues = app.waiting();
  if (json) session.json({ ...found, queues });
  else session.print(statsText(found, queues));
  noteUnreadable(session, found.unreadable);
}
