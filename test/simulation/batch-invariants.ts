import type { TaskBatch } from "../../src/core/records.ts";
import type { Change, Documents } from "../../src/testing/world/documents.ts";
import type { World } from "../../src/testing/world/world.ts";
import { hasEnded } from "./oracle.ts";
import { batchOf, taskLogOf } from "./parsed.ts";

/** A batch is pinned when it begins, and ends once. */
export function batchInvariants(world: World, documents: Documents, { key, before, after }: Change): void {
  if (!after) world.violate("batch-stays", `${key.id} was deleted`);
  if (!before || !after || before === after) return;
  const [was, is] = [batchOf(before), batchOf(after)];
  if (was.status !== "RUNNING")
    world.violate("batch-end-is-final", `${key.id}: ${was.status}, then ${is.status}`);
  if (was.definitionHash !== is.definitionHash)
    world.violate("pinned-definition", `${key.id} got another one`);
  if (is.status !== "RUNNING") checkEnd(world, documents, is);
}

/** What the end of a batch says of its tasks is what their logs say. */
function checkEnd(world: World, documents: Documents, { batchId, counts, firstFailure }: TaskBatch): void {
  const logs = documents
    .all("taskLogs")
    .filter(({ data }) => data.batchId === batchId)
    .map(taskLogOf);
  const numbers = ["SUCCESS", "ERROR", "SKIPPED", "CANCELLED"].map((status) => {
    const found = logs.filter((log) => log.status === status).length;
    return [status, found] as const;
  });
  const open = logs.filter((log) => !hasEnded(log)).map(({ taskId }) => taskId);
  if (open.length > 0) world.violate("batch-ends-last", `${batchId} ended before ${open.join(", ")}`);
  for (const [status, found] of numbers)
    if (Object.entries(counts ?? {}).find(([name]) => name === status)?.[1] !== found)
      world.violate(
        "ended-batch-counts-its-tasks",
        `${batchId}: ${found} ${status}, not as in ${JSON.stringify(counts)}`,
      );
  const failed = logs.filter(({ status }) => status === "ERROR");
  const first = failed.find(({ taskId }) => taskId === firstFailure?.taskId);
  const earliest = Math.min(...failed.map(({ endedAt }) => endedAt ?? 0));
  const isRight = failed.length === 0 ? firstFailure === undefined : first?.endedAt === earliest;
  if (!isRight) world.violate("first-failure-is-the-earliest", `${batchId}: ${JSON.stringify(firstFailure)}`);
}
