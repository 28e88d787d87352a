import { decideArrival } from "./claim.ts";
import type { Graph, Join } from "./graph.ts";
import { countEndings, decideChild, type Ending } from "./joins.ts";
import type { TaskLog } from "./records.ts";
import { isTerminal } from "./status.ts";

export interface AgedLog {
  readonly log: TaskLog;
  /** Time since it was written, by the store's clock. */
  readonly ageMs: number;
}

export interface RedrivePlan {
  /** Tasks that should be under way: publish an execute message for each. */
  readonly execute: readonly string[];
  /** Parents whose ending some child that is to be skipped has not been told of: publish a completion for each. */
  readonly complete: readonly { readonly taskId: string; readonly ending: Ending }[];
}

/**
 * What a RUNNING batch is missing, judged from all of its TaskLogs. Of very many children of one parent only those are named
 * that have no log: telling the parent's ending again would start all of them again.
 */
export function planRedrive(graph: Graph, logs: ReadonlyMap<string, AgedLog>): RedrivePlan {
  const unstarted = graph.roots.filter((taskId) => !logs.has(taskId));
  const overdue = [...logs.values()].filter(isOverdue).map(({ log }) => log.taskId);
  const ready: string[] = [];
  const complete = new Map<string, Ending>();
  for (const join of graph.joins) {
    const untold = untoldChildren(join, logs);
    ready.push(...untold.filter(({ verdict }) => verdict === "ready").map(({ taskId }) => taskId));
    const skipped = untold.find(({ verdict }) => verdict === "skip");
    if (skipped) complete.set(skipped.teller.taskId, skipped.teller.ending);
  }
  // mutation: sweep-finds-lost-work
  return {
    execute: [...unstarted, ...overdue, ...ready],
    complete: [...complete].map(([taskId, ending]) => ({ taskId, ending })),
  };
}

function isOverdue({ log, ageMs }: AgedLog): boolean {
  const arrival = decideArrival(log, ageMs).kind;
  return arrival !== "ended" && arrival !== "held";
}

/** Children that nobody has started or skipped although a parent's ending decides about them. */
function untoldChildren(join: Join, logs: ReadonlyMap<string, AgedLog>) {
  const untold = join.children.filter((child) => !logs.has(child.taskId));
  if (untold.length === 0) return [];
  const endings = endingsOf(join, logs);
  const counts = countEndings(endings.map(({ ending }) => ending));
  return untold.flatMap(({ taskId, rule }) => {
    for (const teller of endings) {
      const { kind } = decideChild(rule, join, teller.ending, counts);
      if (kind !== "wait") return [{ taskId, verdict: kind, teller }];
    }
    return [];
  });
}

function endingsOf(join: Join, logs: ReadonlyMap<string, AgedLog>) {
  return join.parents.flatMap((taskId) => {
    const log = logs.get(taskId)?.log;
    if (!log || !isTerminal(log.status)) return [];
    return [{ taskId, ending: { status: log.status, reason: log.reason } }];
  });
}
