/** Does the work of several processes at once, until the test is over. */
export async function inLanes<Item>(
  items: readonly Item[],
  signal: AbortSignal,
  work: (item: Item) => Promise<void>,
): Promise<void> {
  const pending = items.values();
  const lane = async () => {
    for (const item of pending) {
      signal.throwIfAborted();
      await work(item);
    }
  };
  await Promise.all([lane(), lane(), lane()]);
}
