import { limits } from "../../core/limits.ts";
import type { ObjectPrefix, ObjectStore } from "../../ports/objects.ts";
import { someAtATime } from "../some-at-a-time.ts";

export async function countObjects(objects: ObjectStore, prefix: ObjectPrefix): Promise<number> {
  let counted = 0;
  for await (const page of objectPages(objects, prefix)) counted += page.length;
  return counted;
}

/** Removes all objects whose names begin so, with what was overwritten. */
export async function removeObjects(objects: ObjectStore, prefix: ObjectPrefix): Promise<void> {
  for await (const page of objectPages(objects, prefix))
    await someAtATime(page, (listed) => objects.remove(listed));
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
