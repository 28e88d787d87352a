import { isTerminal, type TaskLog } from "../../core/records.ts";
import type { TaskDefinition } from "../../core/workflow/definition.ts";
import type { Graph } from "../../core/workflow/graph.ts";

/** A TaskLog with the time of its last write, by the store's clock. */
export interface ReadLog {
  readonly log: TaskLog;
  readonly writtenAt: number;
}

/** The logs of a running batch, as far as they were read. */
export interface RunningLogs {
  readonly logs: Map<string, ReadLog>;
  /** The poll that last read each task. */
  readonly polls: Map<string, number>;
  poll: number;
}

/** Documents that one poll of a running batch reads at most. The next poll continues with the others. */
const mostReadsAPoll = 50;

/**
 * Brings the logs of a running batch up to date. What has ended never changes, and a task whose parents have not ended
 * has no log: so only the tasks between the two are read. When one of them turns out to have ended, its children are
 * next. Those that were not read for the longest time come first, so tasks that wait for days don't hide the others.
 */
export async function readFrontier(
  graph: Pick<Graph, "definition">,
  known: RunningLogs,
  read: (taskId: string) => Promise<ReadLog | undefined>,
): Promise<void> {
  known.poll += 1;
  for (let left = mostReadsAPoll; left > 0; ) {
    const next = frontier(graph, known).slice(0, left);
    if (next.length === 0) return;
    left -= next.length;
    const found = await Promise.all(next.map(async (taskId) => [taskId, await read(taskId)] as const));
    for (const [taskId, log] of found) {
      known.polls.set(taskId, known.poll);
      if (log) known.logs.set(taskId, log);
    }
  }
}

function frontier({ definition }: Pick<Graph, "definition">, { logs, polls, poll }: RunningLogs): string[] {
  const lastRead = (taskId: string) => polls.get(taskId) ?? 0;
  return definition.tasks
    .filter((task) => lastRead(task.id) < poll && !hasEnded(logs, task.id) && mayHaveLog(task, logs))
    .map(({ id }) => id)
    .sort((one, other) => lastRead(one) - lastRead(other));
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
