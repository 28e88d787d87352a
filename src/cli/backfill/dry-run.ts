import type { App } from "../../composition/app.ts";
import type { ItemDecision } from "../../core/backfill.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { oneLine } from "../output/text.ts";
import type { Session } from "../session.ts";
import { decide } from "./decide.ts";
import type { Inventory } from "./inventory.ts";
import type { UsableItem } from "./usable.ts";

/** Tells what would be done about each item. The list is printed as it is made: it may be too long to be held. */
export async function dryRun(
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
