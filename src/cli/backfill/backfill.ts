import type { App } from "../../app/app.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { isoTime } from "../../core/values/time.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { oneLine } from "../output/text.ts";
import { failureExitCode, type Session, stoppingNote } from "../session.ts";
import { findWorkflow, withApp } from "../with-app.ts";
import { fileItems } from "./file-items.ts";
import {
  collectItems,
  type Inventory,
  type ItemDecision,
  type ItemSource,
  problemLines,
  requireValid,
  type UsableItem,
  usableItems,
} from "./items.ts";
import { showProgress, skippedItemsText, summaryJson, summaryText, Tally } from "./progress.ts";
import { decide, runItems, settle } from "./run-items.ts";
import { dayItems, hasLaterSlot, requireDays, slotItems } from "./slots.ts";

/** Tells what would be done about each item. The list is printed as it is made: it may be too long to be held. */
async function dryRun(
  session: Session,
  app: App,
  workflow: DeployedWorkflow,
  items: AsyncIterable<UsableItem>,
  { duplicates, invalid, json }: Pick<Inventory, "duplicates" | "invalid"> & { readonly json: boolean },
): Promise<void> {
  const counts: Record<ItemDecision["action"], number> = { run: 0, retry: 0, follow: 0, skip: 0 };
  if (json) session.print('{ "items": [');
  let separator = "  ";
  for await (const item of items) {
    const { action, reason } = await decide(app, workflow, item);
    counts[action] += 1;
    if (json) session.print(`${separator}${JSON.stringify({ where: item.where, action, reason })}`);
    else session.print(oneLine(`${action.padEnd(6)}  ${item.where}  ${reason}`));
    separator = "  ,";
  }
  const { workflowId } = workflow.definition;
  if (json)
    return session.print(
      `], "dryRun": true, ${JSON.stringify({ workflowId, ...counts, duplicates, invalid }).slice(1)}`,
    );
  const sums = Object.entries(counts).map(([action, count]) => `${count} ${action}`);
  session.print(`${sums.join(", ")}; nothing was started`);
}

export interface BackfillOptions {
  readonly input?: string;
  readonly from?: string;
  readonly to?: string;
  readonly concurrency: number;
  readonly skipInvalid?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

/** One batch per item: looks through all items, then runs those that are not done. */
export async function backfill(
  session: Session,
  workflowId: string,
  options: BackfillOptions,
): Promise<void> {
  const read = readerOf(options);
  const dataUse = options.dryRun ? "workflows" : "creates";
  await withApp(
    session,
    async (app) => {
      const workflow = await findWorkflow(session, app, workflowId);
      const source = await read(session, app, workflow);
      try {
        const inventory = await collectItems(source, workflow);
        if (!options.skipInvalid) requireValid(inventory);
        for (const line of problemLines(inventory.invalid, inventory.problems))
          session.note(`left out: ${line}`);
        const leftOut = skippedItemsText(inventory);
        if (leftOut !== undefined && !options.json) session.print(leftOut);
        await work(session, app, workflow, { source, inventory, options });
      } finally {
        await source.close();
      }
    },
    dataUse,
  );
}

type Reader = (session: Session, app: App, workflow: DeployedWorkflow) => Promise<ItemSource>;

/** How items are come by. Throws `USAGE`, before anything is opened. */
function readerOf({ input, from, to }: BackfillOptions): Reader {
  if (input !== undefined && from === undefined && to === undefined) return () => fileItems(input);
  if (input !== undefined || from === undefined || to === undefined)
    throw new BatonError("USAGE", "Give either --input, or both --from and --to");
  const days = { from, to };
  requireDays(days);
  return async (session, app, { triggers }) => {
    const schedules = triggers.filter((trigger) => trigger.type === "schedule");
    if (schedules.length === 0) return dayItems(days);
    const now = await app.engine.now();
    if (hasLaterSlot(schedules, days, now))
      session.note(`Slots after ${isoTime(now)} are left to the schedule: they are in the future.`);
    return slotItems(schedules, days, now);
  };
}

interface Backfill {
  readonly source: ItemSource;
  readonly inventory: Inventory;
  readonly options: BackfillOptions;
}

async function work(
  session: Session,
  app: App,
  workflow: DeployedWorkflow,
  { source, inventory, options }: Backfill,
): Promise<void> {
  const { concurrency, json = false } = options;
  const { workflowId } = workflow.definition;
  const items = usableItems(source, workflow, {
    onDuplicate: () => {},
    onInvalid: ({ where, problem }) => {
      if (!options.skipInvalid)
        throw new BatonError("ITEMS_INVALID", `The file has changed while it was read: ${problem}`, {
          where,
        });
    },
  });
  if (options.dryRun) return dryRun(session, app, workflow, items, { ...inventory, json });

  const tally = new Tally(inventory);
  const stop = session.catchSignals();
  // Beside its items it takes up what waits, but begins nothing of its own.
  app.work.start({ triggers: false });
  const { display } = session;
  const endProgress = json && !display.isTTY ? () => {} : showProgress(display, tally);
  const unended = await runItems(app, workflow, items, { concurrency, stop, tally }).finally(endProgress);
  if (stop.aborted) session.note(stoppingNote);
  await app.work.stop();
  // Short tasks may have ended since.
  for (const item of unended) await settle(app, tally, item);
  if (json) session.json(summaryJson(workflowId, inventory, tally));
  else session.print(summaryText(tally));
  session.exitCode = exitCodeOf(tally, stop);
  if (tally.remaining > 0 || tally.failed > 0)
    session.note(
      "The same command continues from here: completed items are skipped, failed ones are retried.",
    );
}

function exitCodeOf({ remaining, failed }: Tally, stop: AbortSignal): number {
  if (stop.aborted && remaining > 0) return Number(stop.reason);
  return failed > 0 ? failureExitCode : 0;
}
