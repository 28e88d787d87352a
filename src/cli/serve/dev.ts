import { once } from "node:events";
import type { Command } from "commander";
import type { LocalApp } from "../../app/local-server.ts";
import { limits } from "../../core/limits.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { BatchFeed } from "../dev/batch-feed.ts";
import { logText, owner } from "../dev/log-text.ts";
import { createDropFolders, problemLines, reloadDisplay } from "../dev/reload-text.ts";
import { timeOfDay } from "../output/text.ts";
import { type Session, stoppingNote } from "../session.ts";
import { type Address, locationsText, startServer, withAddress } from "./start.ts";

export function registerDev(program: Command, session: Session): void {
  withAddress(program.command("dev"))
    .description(
      "run the server while you write workflows: shows changes, mistakes, batches and output of tasks",
    )
    .addHelpText(
      "after",
      "\nChanged workflow files count at once. Ctrl-C stops it.\n\nExample:\n  baton dev --port 8080",
    )
    .action((address: Address) => dev(session, address));
}

async function dev(session: Session, address: Address): Promise<void> {
  const stop = session.catchSignals();
  const { openLocal } = await import("../../app/local-server.ts");
  const { printAsBaton, receiveTaskOutput } = await import("../../app/task-output.ts");
  let onLog = () => {};
  const logOutput = {
    write: (line: string) => {
      const text = logText(line);
      if (text === undefined) onLog();
      else printAsBaton(() => session.note(text));
    },
  };
  const local = await openLocal(session.environment, "info", logOutput);
  const stopReceiving = receiveTaskOutput(({ batchId, taskId, text }) => {
    const name = `${timeOfDay()}  ${owner(batchId, taskId)}`;
    for (const line of text.split("\n")) session.note(`${name}  ${line}`);
  });
  try {
    const feed = new BatchFeed(local.app, { stop, print: (line) => session.print(line) });
    onLog = () => feed.wake();
    await serve(session, local, address, { stop, feed });
  } finally {
    stopReceiving();
    await local.app.close();
  }
}

interface Running {
  readonly stop: AbortSignal;
  readonly feed: BatchFeed;
}

async function serve(
  session: Session,
  local: LocalApp,
  address: Address,
  { stop, feed }: Running,
): Promise<void> {
  const { folder, configuration } = local.app;
  const workflows = await folder.all();
  const prepare = (deployed: readonly DeployedWorkflow[]) => {
    if (!configuration.inbox.configured) createDropFolders(configuration.inbox.folder, deployed);
  };
  prepare(workflows);
  const report = reloadDisplay(session, (loaded) =>
    prepare([...loaded.workflows.values()].map(({ workflow }) => workflow)),
  );
  const reload = { scanMs: limits.developmentScanMs, report };
  const { server, locations } = await startServer(session, local, address, reload);
  const workflowIds = workflows.map(({ definition }) => definition.workflowId);
  session.print(locationsText(locations, workflowIds));
  for (const problem of await folder.problems()) for (const line of problemLines(problem)) session.note(line);
  const shown = feed.run();
  if (!stop.aborted) await once(stop, "abort");
  session.note(stoppingNote);
  await shown;
  await server.stop();
}
