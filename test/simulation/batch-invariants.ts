import type { Change } from "../../src/testing/world/documents.ts";
import type { World } from "../../src/testing/world/world.ts";
import { batchOf } from "./parsed.ts";

/** A batch is pinned when it begins, and ends once. */
export function batchInvariants(world: World, { key, before, after }: Change): void {
  if (!after) world.violate("batch-stays", `${key.id} was deleted`);
  if (!before || !after || before === after) return;
  const [was, is] = [batchOf(before), batchOf(after)];
  if (was.status !== "RUNNING")
    world.violate("batch-end-is-final", `${key.id}: ${was.status}, then ${is.status}`);
  if (was.definitionHash !== is.definitionHash)
    world.violate("pinned-definition", `${key.id} got another one`);
}
