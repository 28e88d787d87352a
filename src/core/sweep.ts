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
  /** Time between two sweeps. Undefined where reads are free: then each sweep inspects every batch. */
  readonly passSeconds: number | undefined;
}

/**
 * Whether this sweep inspects a batch. An inspection reads all its TaskLogs, which Firestore bills by the document, and
 * a batch may run for days.
 */
export function isInspectionDue({ id, ageMs, now, passSeconds }: SweepCandidate): boolean {
  if (passSeconds === undefined) return true;
  const passMs = passSeconds * 1_000;
  const pauseMs = Math.min(limits.inspectionPauseSeconds * 1_000, ageMs / limits.inspectionsPerAge);
  const passesBetween = Math.max(1, Math.floor(pauseMs / passMs));
  const pass = Math.floor(now / passMs);
  // Random for each pass: with a fixed turn, a batch could be missed for ever if the times of the sweeps drift.
  const draw = Number.parseInt(hashJson([id, pass]).slice(0, 8), 16);
  return draw % passesBetween === 0;
}

export interface AgedLog {
  readonly log: TaskLog;
  /** Time since the last write of the log, by the store's clock. */
  readonly ageMs: number;
}

export interface RedrivePlan {
  /** Tasks that should run but do not: publish an execute message for each. */
  readonly execute: readonly string[];
  /** Parents with children that should have been skipped: publish a completion for each. */
  readonly complete: readonly { readonly taskId: string; readonly ending: Ending }[];
}

/**
 * The messages that a RUNNING batch lacks, found from all of its TaskLogs. Ready children are listed one by one if they
 * have no log: a repeated completion of their parent would start all its children again.
 */
export function planRedrive(graph: Graph, logs: ReadonlyMap<string, AgedLog>): RedrivePlan {
  const unstarted = graph.roots.filter((taskId) => !logs.has(taskId));
  const overdue = [...logs.values()].filter(isOverdue).map(({ log }) => log.taskId);
  const ready: string[] = [];
  const complete = new Map<string, Ending>();
  for (const join of graph.joins) {
    const unnotified = unnotifiedChildren(join, logs);
    ready.push(...unnotified.filter(({ decision }) => decision === "ready").map(({ taskId }) => taskId));
    const skipped = unnotified.find(({ decision }) => decision === "skip");
    if (skipped) complete.set(skipped.parent.taskId, skipped.parent.ending);
  }
  // mutation: sweep-finds-lost-work
  return {
    execute: [...unstarted, ...overdue, ...ready],
    complete: [...complete].map(([taskId, ending]) => ({ taskId, ending })),
  };
}

function isOverdue({ log, ageMs }: AgedLog): boolean {
  const { kind } = decideClaim(log, ageMs);
  return kind !== "ended" && kind !== "held";
}

/** Children that were neither started nor skipped although a parent's ending decides about them. */
function unnotifiedChildren(join: Join, logs: ReadonlyMap<string, AgedLog>) {
  const children = join.children.filter((child) => !logs.has(child.taskId));
  if (children.length === 0) return [];
  const endings = parentEndings(join, logs);
  const counts = countEndings(endings.map(({ ending }) => ending));
  return children.flatMap(({ taskId, rule }) => {
    for (const parent of endings) {
      const { kind } = decideChild(rule, join, parent.ending, counts);
      if (kind !== "wait") return [{ taskId, decision: kind, parent }];
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
