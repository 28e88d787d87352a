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
 * What the TaskLogs of a RUNNING batch say about the messages that it lacks. They are added page by page, and only
 * their endings are kept: the logs of 20,000 tasks with results are larger than the memory of a function.
 */
export class RedriveSurvey {
  /** The ending of each task that has a log; undefined if it has not ended. */
  readonly #endings = new Map<string, Ending | undefined>();
  readonly #overdue: string[] = [];

  add({ log, ageMs }: AgedLog): void {
    const { taskId, status, reason } = log;
    this.#endings.set(taskId, isTerminal(status) ? { status, reason } : undefined);
    if (isOverdue({ log, ageMs })) this.#overdue.push(taskId);
  }

  /**
   * The messages to publish, once all logs are added. Ready children are listed one by one if they have no log: a
   * repeated completion of their parent would start all its children again.
   */
  plan(graph: Graph): RedrivePlan {
    const unstarted = graph.roots.filter((taskId) => !this.#endings.has(taskId));
    const overdue = this.#overdue;
    const ready: string[] = [];
    const complete = new Map<string, Ending>();
    for (const join of graph.joins) {
      const unnotified = this.#unnotifiedChildren(join);
      for (const { taskId, decision } of unnotified) if (decision === "ready") ready.push(taskId);
      const skipped = unnotified.find(({ decision }) => decision === "skip");
      if (skipped) complete.set(skipped.parent.taskId, skipped.parent.ending);
    }
    // mutation: sweep-finds-lost-work
    return {
      execute: [...unstarted, ...overdue, ...ready],
      complete: [...complete].map(([taskId, ending]) => ({ taskId, ending })),
    };
  }

  /** Children that were neither started nor skipped although a parent's ending decides about them. */
  #unnotifiedChildren(join: Join) {
    const children = join.children.filter(({ taskId }) => !this.#endings.has(taskId));
    if (children.length === 0) return [];
    const parents = join.parents.flatMap((taskId) => {
      const ending = this.#endings.get(taskId);
      return ending ? [{ taskId, ending }] : [];
    });
    const counts = countEndings(parents.map(({ ending }) => ending));
    const byRule = new Map(
      join.rules.map((rule) => {
        const kindAfter = (parent: EndedParent) => decideChild(rule, join, parent.ending, counts).kind;
        return [rule, parents.find((parent) => kindAfter(parent) !== "wait")] as const;
      }),
    );
    return children.flatMap(({ taskId, rule }) => {
      const parent = byRule.get(rule);
      if (!parent) return [];
      return [{ taskId, decision: decideChild(rule, join, parent.ending, counts).kind, parent }];
    });
  }
}

interface EndedParent {
  readonly taskId: string;
  readonly ending: Ending;
}

function isOverdue({ log, ageMs }: AgedLog): boolean {
  const { kind } = decideClaim(log, ageMs);
  return kind !== "ended" && kind !== "held";
}
