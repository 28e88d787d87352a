import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { userInfo } from "node:os";
import { basename, dirname } from "node:path";
import type { Command } from "commander";
import type { OpenedApp } from "../../app/open.ts";
import type { Configuration } from "../../configuration/configuration.ts";
import { wholeNumber } from "../arguments.ts";
import { reportFailure, type Session } from "../session.ts";
import { reportProblems } from "../with-app.ts";

interface Options {
  readonly port: number;
  readonly json?: true;
}

const help = `
With BATON_ENGINE=gcp it shows a deployment, with your own credentials and
rights; nothing is deployed or exposed. Without, it shows the data folder.
Only this machine reaches it, and only with the printed address. To show a
deployment, first read its variables:
  set -a; . infra/baton.<project>_<prefix>.env; set +a

Example:
  baton console --port 8081`;

export function registerConsole(program: Command, session: Session): void {
  program
    .command("console")
    .description("show batches, tasks and what waits in a browser: of a deployment, or of the data folder")
    .option("--port <number>", "port on this machine; 0 takes any free one", wholeNumber(0, 65_535), 8081)
    .option("--json", "print the URL, and the address that signs in, as JSON")
    .addHelpText("after", help)
    .action((options: Options) => showConsole(session, options));
}

async function showConsole(session: Session, { port, json }: Options): Promise<void> {
  const stop = session.catchSignals();
  const { openForCommand } = await import("../../app/open.ts");
  const { servePages } = await import("../../app/local-server.ts");
  const { environment, logOutput } = session;
  const opened = await openForCommand(environment, { creates: false, logOutput });
  try {
    const { configuration, hasData } = opened.app;
    const console = await openConsole(session, opened, await sessionSecret(opened.app));
    const server = await servePages(console.pages, { port, host: "127.0.0.1" });
    const address = console.open(server.url);
    if (json) session.json({ url: server.url, console: address });
    else session.print(`The console of ${placeOf(configuration)}; Ctrl-C stops it.\n  ${address}`);
    if (!hasData)
      session.note(
        `There is no data in ${configuration.data} yet: \`baton run\` and \`baton start\` create it.`,
      );
    // The pages of a store that can't be read say so, too, and work once it can.
    await reportProblems(session, opened.app).catch((thrown) => reportFailure(session, thrown, false));
    if (!stop.aborted) await once(stop, "abort");
    await server.close();
  } finally {
    await opened.app.close();
  }
}

/** A browser stays signed in to a data folder. Of a deployment, nothing is kept on this machine. */
async function sessionSecret({ configuration, hasData }: OpenedApp["app"]): Promise<string> {
  const { consoleSecret } = await import("../../app/embedded.ts");
  const isKept = configuration.engine === "embedded" && hasData;
  return isKept ? consoleSecret(configuration) : randomBytes(32).toString("base64url");
}

/** What the console shows, for people. */
function placeOf({ engine, google, data }: Configuration): string {
  if (engine === "gcp" && google) return `${google.prefix} in ${google.projectId}`;
  return basename(dirname(data));
}

/**
 * The console for the user of this machine. Its address holds a token that works once; after each use, the next one is
 * printed. `open` returns the first address. `secret` is behind the sessions of browsers.
 */
export async function openConsole(session: Session, { app, logger }: OpenedApp, secret: string) {
  const { createConsole, localAccess, readAssets } = await import("../../console/index.ts");
  const { packageFolder } = await import("../../configuration/project.ts");
  let url: string | undefined;
  let address = "";
  const access = localAccess({
    secret,
    actor: userInfo().username,
    onToken: (token) => {
      address = `/?token=${token}`;
      if (url !== undefined) session.note(`A browser signed in. For another one: ${url}${address}`);
    },
  });
  const pages = createConsole({
    app,
    access,
    logger,
    assets: readAssets(`${packageFolder()}/dist/console`),
    place: placeOf(app.configuration),
  });
  const open = (serverUrl: string) => {
    url = serverUrl;
    return `${serverUrl}${address}`;
  };
  return { pages, open };
}
