import { decideClaim } from "./claim.ts";
import { countEndings, decideChild, type Ending } from "./joins.ts";
import { limits } from "./limits.ts";
import { isTerminal, type TaskLog } from "./records.ts";
import { hashJson } from "./values/json.ts";
import type { Graph, Join } from "./workflow/graph.ts";

export interface SweepCandidate {
  readonly id: string;
  readonly ageMs: number;
  /** By the store's clock, in milliseconds since 1970. */
  readonly now: number;
  /** Time between two passes; undefined: looks cost nothing, so every pass looks at everything. */
  readonly passSeconds: number | undefined;
}

/**
 * Whether this pass looks at a batch. A look reads all its TaskLogs, which is paid for by the document, and a batch that waits
 * for days would be looked at ten thousand times.
 */
export function isInspectionDue({ id, ageMs, now, passSeconds }: SweepCandidate): boolean {
  if (passSeconds === undefined) return true;
  const passMs = passSeconds * 1_000;
  const pauseMs = Math.min(limits.lookPauseSeconds * 1_000, ageMs / limits.lookShareOfAge);
  const passesBetween = Math.max(1, Math.floor(pauseMs / passMs));
  const pass = Math.floor(now / passMs);
  // Drawn anew in each pass: a batch whose turn were fixed would never have it, should passes come at other times.
  const draw = Number.parseInt(hashJson([id, pass]).slice(0, 8), 16);
  return draw % passesBetween === 0;
}

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
    const untold = unnotifiedChildren(join, logs);
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
  const arrival = decideClaim(log, ageMs).kind;
  return arrival !== "ended" && arrival !== "held";
}

/** Children that nobody has started or skipped although a parent's ending decides about them. */
function unnotifiedChildren(join: Join, logs: ReadonlyMap<string, AgedLog>) {
  const untold = join.children.filter((child) => !logs.has(child.taskId));
  if (untold.length === 0) return [];
  const endings = parentEndings(join, logs);
  const counts = countEndings(endings.map(({ ending }) => ending));
  return untold.flatMap(({ taskId, rule }) => {
    for (const teller of endings) {
      const { kind } = decideChild(rule, join, teller.ending, counts);
      if (kind !== "wait") return [{ taskId, verdict: kind, teller }];
    }
    return [];
  });
}

function parentEndings(join: Join, logs: ReadonlyMap<string, AgedLog>) {
  return join.parents.flatMap((taskId) => {
    const log = logs.get(taskId)?.log;
    if (!log || !isTerminal(log.status)) return [];
    return [{ taskId, ending: { status: log.status, reason: log.reason } }];
  });
}
