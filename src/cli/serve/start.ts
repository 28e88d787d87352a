import { once } from "node:events";
import type { Command } from "commander";
import type { EmbeddedApp } from "../../app/embedded.ts";
import type { LocalApp } from "../../app/local-server.ts";
import type { ReloadOptions } from "../../app/reload-workflows.ts";
import { wholeNumber } from "../arguments.ts";
import { type Session, stoppingNote } from "../session.ts";
import { reportProblems } from "../with-app.ts";
import { openConsole } from "./console.ts";

/** The addresses and folders of a running server, for people. */
export function locationsText(
  locations: Readonly<Record<string, string>>,
  workflowIds: readonly string[],
): string {
  const lines = Object.entries(locations).map(([name, location]) => `  ${name.padEnd(10)}  ${location}`);
  const loaded = workflowIds.length > 0 ? workflowIds.join(", ") : "none";
  return ["Baton runs; Ctrl-C stops it.", ...lines, `  ${"".padEnd(10)}  ${loaded}`].join("\n");
}

export interface Address {
  readonly port: number;
  readonly host: string;
}

interface Options extends Address {
  readonly json?: true;
}

/** Adds the options for the address of a server. */
export function withAddress(command: Command): Command {
  return command
    .option("--port <number>", "port of the HTTP entry; 0 takes any free one", wholeNumber(0, 65_535), 8080)
    .option("--host <address>", "address to listen on", "127.0.0.1");
}

export function registerStart(program: Command, session: Session): void {
  withAddress(program.command("start"))
    .description("run the server: accept messages and dropped files, and run tasks, until stopped")
    .option("--json", "print the URL and the paths as JSON")
    .addHelpText("after", "\nExample:\n  baton start --port 8080")
    .action((options: Options) => start(session, options));
}

async function start(session: Session, { port, host, json }: Options): Promise<void> {
  const stop = session.catchSignals();
  const { openLocal } = await import("../../app/local-server.ts");
  const local = await openLocal(session.environment, "info", session.logOutput);
  try {
    const workflows = await local.app.folder.all();
    const { server, locations } = await startServer(session, local, { port, host });
    const workflowIds = workflows.map(({ definition }) => definition.workflowId);
    if (json) session.json({ ...locations, workflowIds });
    else session.print(locationsText(locations, workflowIds));
    await reportProblems(session, local.app);
    if (!stop.aborted) await once(stop, "abort");
    session.note(stoppingNote);
    await server.stop();
  } finally {
    await local.app.close();
  }
}

/** Starts the server with its console. Returns it with its addresses and folders. */
export async function startServer(
  session: Session,
  local: LocalApp,
  address: Address,
  reload?: ReloadOptions,
) {
  const { startLocalServer } = await import("../../app/local-server.ts");
  const { consoleSecret } = await import("../../app/embedded.ts");
  const console = await openConsole(session, local, consoleSecret(local.app.configuration));
  const server = await startLocalServer(local, address, { pages: console.pages, reload });
  const signInUrl = console.open(server.url);
  return { server, locations: { ...serverLocations(server.url, local.app), console: signInUrl } };
}

function serverLocations(url: string, { configuration }: EmbeddedApp) {
  const { data, inbox, workflows } = configuration;
  return {
    url,
    inbox: inbox.folder,
    database: `${data}/baton.sqlite`,
    warehouse: `${data}/warehouse.duckdb`,
    reports: `${data}/reports`,
    workflows,
  };
}
