import { backfillKey } from "../../core/backfill.ts";
import { hashJson } from "../../core/canonical.ts";
import { messageOf } from "../../core/errors.ts";
import type { JsonValue } from "../../core/json.ts";
import { slotKey } from "../../core/schedule.ts";
import { requireStorable } from "../../engine/start.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { oneLine } from "../output/text.ts";
import type { ItemSource, ReadItem, UnreadableItem } from "./items.ts";
import { SeenHashes } from "./seen.ts";

/** An item that a batch can be started with. */
export interface UsableItem extends ReadItem {
  /** The key of its batch. */
  readonly key: string;
  /** As the workflow reads it. */
  readonly input: JsonValue;
}

/** Every different item that can be used, once. */
export async function* usableItems(
  source: ItemSource,
  workflow: DeployedWorkflow,
  { onDuplicate, onInvalid }: { onDuplicate(): void; onInvalid(problem: UnreadableItem): void },
): AsyncGenerator<UsableItem> {
  const seen = new SeenHashes();
  for await (const read of source.read()) {
    const item = "problem" in read ? read : prepare(workflow, read);
    if ("problem" in item) onInvalid(item);
    else if (!seen.add(hashJson(item.key))) onDuplicate();
    else yield item;
  }
}

function prepare(workflow: DeployedWorkflow, read: ReadItem): UsableItem | UnreadableItem {
  try {
    // Numbers and texts that JSON can write but not hold, such as 1e400, have no key.
    const key = read.slot ? slotKey(read.slot.schedule, read.slot.instant) : backfillKey(read.value);
    const input = workflow.parseInput(read.value);
    requireStorable(input, `workflow ${workflow.definition.workflowId}`);
    return { ...read, key, input };
  } catch (error) {
    return { where: read.where, problem: oneLine(messageOf(error)) };
  }
}
