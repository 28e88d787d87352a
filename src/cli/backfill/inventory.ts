import { BatonError } from "../../core/errors.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import type { ItemSource, UnreadableItem } from "./items.ts";
import { usableItems } from "./usable.ts";

/** What a source holds. */
export interface Inventory {
  /** Different items that can be used. */
  readonly items: number;
  /** Items duplicate. */
  readonly duplicates: number;
  readonly invalid: number;
  /** The first that can't be used. */
  readonly problems: readonly UnreadableItem[];
}

const shownProblems = 20;

/** Reads through all items before anything is started. */
export async function takeInventory(source: ItemSource, workflow: DeployedWorkflow): Promise<Inventory> {
  const problems: UnreadableItem[] = [];
  let items = 0;
  let duplicates = 0;
  let invalid = 0;
  const found = usableItems(source, workflow, {
    onDuplicate: () => {
      duplicates += 1;
    },
    onInvalid: (problem) => {
      invalid += 1;
      if (invalid <= shownProblems) problems.push(problem);
    },
  });
  for await (const _ of found) items += 1;
  return { items, duplicates, invalid, problems };
}

/** Throws `ITEMS_INVALID` when there is something that can't be used. */
export function requireValid({ items, duplicates, invalid, problems }: Inventory): void {
  if (invalid === 0) return;
  const head = `${invalid} of ${items + duplicates + invalid} items are invalid, so nothing was started`;
  throw new BatonError("ITEMS_INVALID", [`${head}:`, ...problemLines(invalid, problems)].join("\n"));
}

/** The first problems, one line each, and how many more there are. */
export function problemLines(invalid: number, problems: readonly UnreadableItem[]): string[] {
  const lines = problems.map(({ where, problem }) => `${where}: ${problem}`);
  return invalid > problems.length ? [...lines, `and ${invalid - problems.length} more`] : lines;
}
