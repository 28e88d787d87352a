import { type Command, Option } from "commander";
import type { BatchStatus } from "../../core/status.ts";
import { wholeNumber } from "../arguments.ts";
import { durationBetween, table } from "../output/text.ts";
import type { Session } from "../session.ts";
import { withApp } from "../with-app.ts";

interface Options {
  readonly workflow?: string;
  readonly status?: BatchStatus;
  readonly limit: number;
  readonly json?: true;
}

const statuses = ["RUNNING", "SUCCESS", "ERROR", "CANCELLED"] satisfies BatchStatus[];

export function registerBatches(program: Command, session: Session): void {
  program
    .command("batches")
    .description("list batches, newest first")
    .option("--workflow <id>", "only those of this workflow")
    .addOption(new Option("--status <status>", "only those of this status").choices(statuses))
    .option("--limit <number>", "maximum number of batches", wholeNumber(1, 1_000_000), 50)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton batches --workflow greet --status ERROR --limit 10")
    .action((options: Options) => batches(session, options));
}

async function batches(session: Session, { workflow, status, limit, json }: Options): Promise<void> {
  await withApp(session, async (app) => {
    const filter = {
      ...(workflow !== undefined && { workflowId: workflow }),
      ...(status !== undefined && { status }),
    };
    const { batches, more } = await app.engine.admin.newest(filter, limit);
    if (json) return session.json(batches);
    const rows = batches.map(({ batchId, status, run, createdAt, endedAt, startedBy }) => [
      batchId,
      status,
      String(run),
      createdAt,
      durationBetween(createdAt, endedAt),
      startedBy,
    ]);
    session.print(table(["BATCH", "STATUS", "RUN", "CREATED", "DURATION", "STARTED BY"], rows));
    if (more > 0) session.note(`${more} more: raise --limit.`);
  });
}
