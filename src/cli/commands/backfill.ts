import type { Command } from "commander";
import { limits } from "../../core/limits.ts";
import { wholeNumber } from "../arguments.ts";
import type { BackfillOptions } from "../backfill/backfill.ts";
import type { Session } from "../session.ts";

const defaultConcurrency = 4;

export function registerBackfill(program: Command, session: Session): void {
  program
    .command("backfill")
    .description("run a workflow for every line of a file, or for every day or slot of a schedule in a range")
    .argument("<workflow>", "id of the workflow")
    .option(
      "--input <file>",
      "an item per line of a .ndjson or .jsonl file, or per row of a .csv file with a header",
    )
    .option(
      "--from <YYYY-MM-DD>",
      'the first day; its input is { "date": "YYYY-MM-DD" }, or that of each slot if there is a schedule',
    )
    .option("--to <YYYY-MM-DD>", "the last day")
    .option(
      "--concurrency <number>",
      "number of batches at a time",
      wholeNumber(1, limits.queueConcurrency),
      defaultConcurrency,
    )
    .option("--skip-invalid", "leave out invalid lines instead of starting nothing")
    .option("--dry-run", "only show the action for each item")
    .option("--json", "print the outcome as JSON, and nothing else")
    .addHelpText(
      "after",
      "\nRun it again after an interruption: completed items are skipped, failed ones are retried." +
        "\n\nExample:\n  baton backfill enrich --input leads.csv",
    )
    .action(async (workflowId: string, options: BackfillOptions) => {
      const { backfill } = await import("../backfill/backfill.ts");
      await backfill(session, workflowId, options);
    });
}
