import type { App } from "../../composition/app.ts";
import type { ItemDecision } from "../../core/backfill.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { follow } from "../follow.ts";
import { decide } from "./decide.ts";
import { failureIn, type Tally } from "./tally.ts";
import type { UsableItem } from "./usable.ts";

interface RunOptions {
  readonly concurrency: number;
  /** Nothing is begun any more, and nothing followed. */
  readonly stop: AbortSignal;
  readonly tally: Tally;
}

/** A batch that was not followed to its end. */
interface Unended {
  readonly where: string;
  readonly batchId: string;
}

/**
 * Brings every item to its end, so many at a time. Gives those that were under way when it was stopped. Once one item
 * throws, no other is begun.
 */
export async function runItems(
  app: App,
  workflow: DeployedWorkflow,
  items: AsyncGenerator<UsableItem>,
  { concurrency, stop, tally }: RunOptions,
): Promise<readonly Unended[]> {
  const failure = new AbortController();
  const stopped = AbortSignal.any([stop, failure.signal]);
  const unended: Unended[] = [];
  /** The generator hands out one item after the other, whoever asks. */
  const lane = async () => {
    while (!stopped.aborted) {
      const { done, value: item } = await items.next();
      if (done || stopped.aborted) return;
      const batchId = await begin(app, workflow, item, await decide(app, workflow, item));
      if (batchId === undefined) {
        tally.skipped += 1;
        continue;
      }
      await follow(app, batchId, { stop: stopped, onChange: undefined });
      if (!(await settle(app, tally, { where: item.where, batchId })))
        unended.push({ where: item.where, batchId });
    }
  };
  const lanes = Array.from({ length: Math.min(concurrency, tally.total) }, () =>
    lane().catch((error: unknown) => {
      failure.abort();
      throw error;
    }),
  );
  const outcomes = await Promise.allSettled(lanes);
  await items.return(undefined);
  for (const outcome of outcomes) if (outcome.status === "rejected") throw outcome.reason;
  return unended;
}

/** Counts a batch that has ended; false while it runs. */
export async function settle(app: App, tally: Tally, { where, batchId }: Unended): Promise<boolean> {
  const { status } = await app.engine.admin.status(batchId);
  if (status === "RUNNING") return false;
  if (status === "SUCCESS") tally.succeeded += 1;
  else tally.fail({ where, ...failureIn(await app.engine.admin.show(batchId)) });
  return true;
}

/** The batch that the item comes to its end by; undefined when it needs none. It exists on disk. */
async function begin(
  app: App,
  workflow: DeployedWorkflow,
  item: UsableItem,
  decision: ItemDecision,
): Promise<string | undefined> {
  if (decision.action === "skip") return undefined;
  if (decision.action === "follow") return decision.batchId;
  const { batchId } = await app.engine.durably(() =>
    decision.action === "retry" ? app.engine.retry(decision.batchId) : start(app, workflow, item),
  );
  return batchId;
}

function start(
  { engine }: App,
  workflow: DeployedWorkflow,
  { key, value, slot }: UsableItem,
): Promise<{ readonly batchId: string }> {
  if (slot) return engine.startBySlot(workflow, slot.schedule, slot.instant);
  return engine.start({ kind: "start", workflowId: workflow.definition.workflowId, input: value, key });
}
