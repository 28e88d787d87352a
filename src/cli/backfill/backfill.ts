import type { App } from "../../app/app.ts";
import { BatonError } from "../../core/errors/errors.ts";
import { isoTime } from "../../core/values/time.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { oneLine } from "../output/text.ts";
import { failureExitCode, type Session, stoppingNote } from "../session.ts";
import { findWorkflow, withApp } from "../with-app.ts";
import { fileItems } from "./file-items.ts";
import {
  assertValid,
  collectItems,
  type Inventory,
  type ItemDecision,
  type ItemSource,
  problemLines,
  type UsableItem,
  usableItems,
} from "./items.ts";
import { BackfillProgress, showProgress, skippedItemsText, summaryJson, summaryText } from "./progress.ts";
import { planItem, recordIfEnded, runItems } from "./run-items.ts";
import { assertDays, dayItems, hasLaterSlot, slotItems } from "./slots.ts";

/** Prints the action for each item. The list may be too long for the memory, so it is printed item by item. */
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
    const { action, reason } = await planItem(app, workflow, item);
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

/** Starts one batch per item: reads all items first, then runs those that are not done. */
export async function backfill(
  session: Session,
  workflowId: string,
  options: BackfillOptions,
): Promise<void> {
  const openSource = sourceFor(options);
  const dataUse = options.dryRun ? "workflows" : "creates";
  await withApp(
    session,
    async (app) => {
      const workflow = await findWorkflow(session, app, workflowId);
      const source = await openSource(session, app, workflow);
      try {
        const inventory = await collectItems(source, workflow);
        if (!options.skipInvalid) assertValid(inventory);
        for (const line of problemLines(inventory.invalid, inventory.problems))
          session.note(`left out: ${line}`);
        const skipped = skippedItemsText(inventory);
        if (skipped !== undefined && !options.json) session.print(skipped);
        await runInventory(session, app, workflow, { source, inventory, options });
      } finally {
        await source.close();
      }
    },
    dataUse,
  );
}

type OpenSource = (session: Session, app: App, workflow: DeployedWorkflow) => Promise<ItemSource>;

/** Throws `USAGE` before anything is opened. */
function sourceFor({ input, from, to }: BackfillOptions): OpenSource {
  if (input !== undefined && from === undefined && to === undefined) return () => fileItems(input);
  if (input !== undefined || from === undefined || to === undefined)
    throw new BatonError("USAGE", "Give either --input, or both --from and --to");
  const days = { from, to };
  assertDays(days);
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

async function runInventory(
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
        throw new BatonError("ITEMS_INVALID", `The file changed while it was read: ${problem}`, {
          where,
        });
    },
  });
  if (options.dryRun) return dryRun(session, app, workflow, items, { ...inventory, json });

  const progress = new BackfillProgress(inventory);
  const stop = session.catchSignals();
  // The worker also handles waiting messages of other batches, but starts no batches of schedules.
  app.work.start({ triggers: false });
  const { display } = session;
  const endProgress = json && !display.isTTY ? () => {} : showProgress(display, progress);
  const running = await runItems(app, workflow, items, { concurrency, stop, progress }).finally(endProgress);
  if (stop.aborted) session.note(stoppingNote);
  await app.work.stop();
  // Short tasks may have ended during the shutdown.
  for (const item of running) await recordIfEnded(app, progress, item);
  if (json) session.json(summaryJson(workflowId, inventory, progress));
  else session.print(summaryText(progress));
  session.exitCode = exitCodeFor(progress, stop);
  if (progress.remaining > 0 || progress.failed > 0)
    session.note(
      "The same command continues from here: completed items are skipped, failed ones are retried.",
    );
}

function exitCodeFor({ remaining, failed }: BackfillProgress, stop: AbortSignal): number {
  if (stop.aborted && remaining > 0) return Number(stop.reason);
  return failed > 0 ? failureExitCode : 0;
}
