/**
 * Leaves out as many items as possible, at first large pieces, then ever smaller ones. `stillHolds` tries a list.
 * Returns the items that are needed.
 */
export async function thin<Item>(
  all: readonly Item[],
  stillHolds: (kept: readonly Item[]) => Promise<boolean>,
): Promise<readonly Item[]> {
  let items = all;
  for (let size = Math.ceil(items.length / 2); size >= 1; size = size === 1 ? 0 : Math.ceil(size / 2))
    for (let from = 0; from < items.length; ) {
      const rest = [...items.slice(0, from), ...items.slice(from + size)];
      if (await stillHolds(rest)) items = rest;
      else from += size;
    }
  return items;
}
