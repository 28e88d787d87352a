import type { Command } from "commander";
import type { App } from "../../composition/app.ts";
import type { StartMessage } from "../../core/messages.ts";
import type { Started } from "../../engine/start.ts";
import { parseMessageOrUsage, readJson } from "../arguments.ts";
import type { Session } from "../session.ts";
import { namingBatch } from "../started-unpublished.ts";
import { findWorkflow, withApp } from "../with-app.ts";
import { type WorkOptions, workOnBatch } from "../work-on-batch.ts";

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
    .option("--key <key>", "the same key gives the same batch: nothing runs twice")
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
      await workOnBatch(session, app, () => start(app, message), options);
    },
    "creates",
  );
}

async function start(app: App, message: StartMessage): Promise<Started> {
  try {
    return await app.engine.start(message);
  } catch (thrown) {
    throw namingBatch(thrown);
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
