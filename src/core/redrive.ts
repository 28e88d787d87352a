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
  /** Parents whose ending some child has not been told of: publish a completion for each. */
  readonly complete: readonly { readonly taskId: string; readonly ending: Ending }[];
}

/** What a RUNNING batch is missing, judged from all of its TaskLogs. */
export function planRedrive(graph: Graph, logs: ReadonlyMap<string, AgedLog>): RedrivePlan {
  const unstarted = graph.roots.filter((taskId) => !logs.has(taskId));
  const overdue = [...logs.values()].filter(isOverdue).map(({ log }) => log.taskId);
  const complete = new Map<string, Ending>();
  for (const join of graph.joins) {
    const teller = findTeller(join, logs);
    if (teller) complete.set(teller.taskId, teller.ending);
  }
  return {
    execute: [...unstarted, ...overdue],
    complete: [...complete].map(([taskId, ending]) => ({ taskId, ending })),
  };
}

function isOverdue({ log, ageMs }: AgedLog): boolean {
  const arrival = decideArrival(log, ageMs).kind;
  return arrival !== "ended" && arrival !== "held";
}

/** A parent whose completion, handled now, decides a child that nobody has started yet. */
function findTeller(join: Join, logs: ReadonlyMap<string, AgedLog>) {
  const untold = join.children.filter((child) => !logs.has(child.taskId));
  if (untold.length === 0) return undefined;
  const endings = endingsOf(join, logs);
  const counts = countEndings(endings.map(({ ending }) => ending));
  return endings.find(({ ending }) =>
    untold.some((child) => decideChild(child.rule, join, ending, counts).kind !== "wait"),
  );
}

function endingsOf(join: Join, logs: ReadonlyMap<string, AgedLog>) {
  return join.parents.flatMap((taskId) => {
    const log = logs.get(taskId)?.log;
    if (!log || !isTerminal(log.status)) return [];
    return [{ taskId, ending: { status: log.status, reason: log.reason } }];
  });
}
