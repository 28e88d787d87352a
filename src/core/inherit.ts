import type { TaskDefinition } from "./definition.ts";
import type { Graph } from "./graph.ts";
import type { Ending } from "./joins.ts";
import { childVerdict } from "./readiness.ts";

/**
 * Tasks whose success a retry takes over: those that succeeded, whose parents are all taken over too, and that would run
 * after such parents: their rule may be another by now. A task below one that runs again runs again as well, for its
 * input may change.
 */
export function inheritedTasks(graph: Graph, succeeded: (taskId: string) => boolean): string[] {
  const inherited = new Set<string>();
  for (const task of parentsFirst(graph))
    if (
      succeeded(task.id) &&
      // mutation: inherited-task-has-inherited-parents
      task.after.every((parent) => inherited.has(parent)) &&
      // mutation: inherited-task-satisfies-its-rule
      runsAfterSuccesses(graph, task)
    )
      inherited.add(task.id);
  return [...inherited];
}

function runsAfterSuccesses(graph: Graph, { id, after }: TaskDefinition): boolean {
  const join = graph.joinAbove.get(id);
  const endings = after.map((): Ending => ({ status: "SUCCESS", reason: null }));
  return !join || childVerdict(join, id, endings).kind === "ready";
}

/** The tasks of a graph, every one after its parents. */
function parentsFirst(graph: Graph) {
  const missing = new Map(graph.definition.tasks.map((task) => [task.id, new Set(task.after).size]));
  const ordered = graph.definition.tasks.filter((task) => missing.get(task.id) === 0);
  for (const task of ordered)
    for (const child of childrenOf(graph, task.id)) {
      const left = (missing.get(child) ?? 0) - 1;
      missing.set(child, left);
      const definition = graph.tasks.get(child);
      if (left === 0 && definition) ordered.push(definition);
    }
  return ordered;
}

function childrenOf(graph: Graph, taskId: string): string[] {
  return (graph.joinsOf.get(taskId) ?? []).flatMap((join) => join.children.map((child) => child.taskId));
}
