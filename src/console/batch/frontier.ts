import { isTerminal, type TaskLog } from "../../core/records.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { Graph } from "../../core/workflow/graph.ts";

/** A TaskLog with the time of its last write, by the store's clock. */
export interface ReadLog {
  readonly log: TaskLog;
  readonly writtenAt: number;
}

/** Documents that one poll of a running batch reads at most. The next poll continues. */
const mostReadsAPoll = 50;

/**
 * Brings the logs of a running batch up to date. What has ended never changes, and a task whose parents have not ended
 * has no log: so only the tasks between the two are read. When one of them turns out to have ended, its children are
 * next.
 */
export async function readFrontier(
  graph: Graph,
  logs: Map<string, ReadLog>,
  read: (taskId: string) => Promise<ReadLog | undefined>,
): Promise<void> {
  const seen = new Set<string>();
  for (let left = mostReadsAPoll; left > 0; ) {
    const next = frontier(graph, logs, seen).slice(0, left);
    if (next.length === 0) return;
    left -= next.length;
    const found = await Promise.all(next.map(async (taskId) => [taskId, await read(taskId)] as const));
    for (const [taskId, log] of found) {
      seen.add(taskId);
      if (log) logs.set(taskId, log);
    }
  }
}

function frontier(graph: Graph, logs: ReadonlyMap<string, ReadLog>, seen: ReadonlySet<string>): string[] {
  const ready = graph.definition.tasks.filter(
    (task) => !seen.has(task.id) && !hasEnded(logs, task.id) && mayHaveLog(task, logs),
  );
  return ready.map(({ id }) => id);
}

function hasEnded(logs: ReadonlyMap<string, ReadLog>, taskId: string): boolean {
  const known = logs.get(taskId);
  return known !== undefined && isTerminal(known.log.status);
}

/** One parent alone may decide: by its failure, or by a rule that needs only one. */
function mayHaveLog({ after, rule }: TaskDefinition, logs: ReadonlyMap<string, ReadLog>): boolean {
  if (after.every((parent) => hasEnded(logs, parent))) return true;
  const isDecidedByOne = rule === "any_succeeded" || rule === "any_failed";
  return after.some((parent) => {
    const status = logs.get(parent)?.log.status ?? "NEW";
    return isTerminal(status) && (isDecidedByOne || status !== "SUCCESS");
  });
}
