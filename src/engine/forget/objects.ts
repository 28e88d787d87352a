import { limits } from "../../core/limits.ts";
import type { ObjectPrefix, ObjectStore } from "../../ports/objects.ts";

/** What is asked for at the same time. */
const atOnce = 50;

/** Does the work for all of them, some at a time. When it throws, none of it goes on. */
export async function inGroups<T>(items: Iterable<T>, work: (item: T) => Promise<void>): Promise<void> {
  const all = [...items];
  for (let first = 0; first < all.length; first += atOnce)
    throwFirst(await Promise.allSettled(all.slice(first, first + atOnce).map((item) => work(item))));
}

function throwFirst(results: readonly PromiseSettledResult<void>[]): void {
  const failed = results.find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

export async function countObjects(objects: ObjectStore, prefix: ObjectPrefix): Promise<number> {
  let counted = 0;
  for await (const page of objectPages(objects, prefix)) counted += page.length;
  return counted;
}

/** Removes all objects whose names begin so, with what was overwritten. */
export async function removeObjects(objects: ObjectStore, prefix: ObjectPrefix): Promise<void> {
  for await (const page of objectPages(objects, prefix))
    await inGroups(page, (listed) => objects.remove(listed));
}

async function* objectPages(objects: ObjectStore, prefix: ObjectPrefix) {
  let after: string | undefined;
  do {
    const options = { limit: limits.queryPage, ...(after !== undefined && { after }) };
    const page = await objects.list(prefix, options);
    yield page.objects;
    after = page.next;
  } while (after !== undefined);
}
