import type { Reason, TerminalStatus } from "./records.ts";
import type { ChildRule } from "./workflow/definition.ts";

/** How a task ended, as the rules of its children see it. */
export interface Ending {
  readonly status: TerminalStatus;
  readonly reason: Reason | null;
}

/** The counts over the parents of a join: those that have ended, that ended without success, and that failed. */
export type JoinCount = "ended" | "unsuccessful" | "failed";
export type JoinCounts = { readonly [K in JoinCount]?: number };

/** The part of a join that decides about its children. */
export interface JoinShape {
  readonly parents: readonly string[];
  readonly rules: readonly ChildRule[];
}

export type ChildDecision =
  | { readonly kind: "ready" }
  | { readonly kind: "skip"; readonly reason: "upstream_failed" | "upstream_skipped" | "rule_not_met" }
  | { readonly kind: "wait" };

const ready: ChildDecision = { kind: "ready" };
const wait: ChildDecision = { kind: "wait" };
const skip = (reason: "upstream_failed" | "upstream_skipped" | "rule_not_met"): ChildDecision => ({
  kind: "skip",
  reason,
});

/** Whether a task failed, or was skipped because a task above it failed. */
export function isFailure(ending: Ending): boolean {
  // mutation: skip-passes-failure-on
  if (ending.status === "SKIPPED") return ending.reason === "upstream_failed";
  return ending.status !== "SUCCESS";
}

/** The counts that an ending adds to. A join of one parent needs no counts: its ending decides alone. */
export function incrementedCounts(shape: JoinShape, ending: Ending): JoinCount[] {
  if (shape.parents.length < 2) return [];
  if (ending.status === "SUCCESS") return ["ended"];
  return isFailure(ending) ? ["ended", "unsuccessful", "failed"] : ["ended", "unsuccessful"];
}

/**
 * The count to read next, after an ending is committed, to decide about the children of a join. Undefined when the
 * counts in `read` suffice. A join whose parents all succeed reads one count for each parent, and one more at its end.
 */
export function nextCountToRead(shape: JoinShape, ending: Ending, read: JoinCounts): JoinCount | undefined {
  if (shape.parents.length < 2 || shape.rules.every((rule) => isDecidedEarly(rule, ending))) return undefined;
  if (read.ended === undefined) return "ended";
  const isComplete = read.ended === shape.parents.length;
  if (!isComplete || shape.rules.every((rule) => rule === "all_ended")) return undefined;
  if (read.unsuccessful === undefined) return "unsuccessful";
  return read.unsuccessful > 0 && read.failed === undefined ? "failed" : undefined;
}

function isDecidedEarly(rule: ChildRule, ending: Ending): boolean {
  if (rule === "any_succeeded") return ending.status === "SUCCESS";
  return rule === "any_failed" && isFailure(ending);
}

/**
 * What the ending of one parent, and the counts read after it, mean for a child with the rule. Only `any_…` children
 * are decided before all parents have ended, so for the others the order of the endings makes no difference.
 */
export function decideChild(
  rule: ChildRule,
  shape: JoinShape,
  ending: Ending,
  read: JoinCounts,
): ChildDecision {
  if (isDecidedEarly(rule, ending)) return ready;
  const counts = shape.parents.length === 1 ? countEndings([ending]) : read;
  // mutation: join-waits-for-all-parents
  if (counts.ended !== shape.parents.length) return wait;
  return decideEnded(rule, counts.ended, counts.unsuccessful ?? 0, counts.failed ?? 0);
}

export interface DecidedChild<Child> {
  readonly child: Child;
  readonly decision: Exclude<ChildDecision, { kind: "wait" }>;
}

/**
 * The children from an index on that are open and decided, at most `most`. `next` is the index of the next one, if
 * there are more.
 */
export function decideChildren<Child extends { readonly rule: ChildRule }>(
  join: JoinShape & { readonly children: readonly Child[] },
  ending: Ending,
  read: JoinCounts,
  page: { readonly from: number; readonly most: number; readonly isOpen: (child: Child) => boolean },
): { readonly decided: readonly DecidedChild<Child>[]; readonly next: number | undefined } {
  const decided: DecidedChild<Child>[] = [];
  const isUndecided = join.rules.every((rule) => decideChild(rule, join, ending, read).kind === "wait");
  if (isUndecided) return { decided, next: undefined };
  for (let index = page.from; index < join.children.length; index++) {
    const child = join.children[index];
    if (!child || !page.isOpen(child)) continue;
    const decision = decideChild(child.rule, join, ending, read);
    if (decision.kind === "wait") continue;
    if (decided.length === page.most) return { decided, next: index };
    decided.push({ child, decision });
  }
  return { decided, next: undefined };
}

function decideEnded(rule: ChildRule, all: number, unsuccessful: number, failed: number): ChildDecision {
  switch (rule) {
    case "all_ended":
      return ready;
    case "all_succeeded":
      return unsuccessful === 0 ? ready : skipFor(failed);
    case "none_failed":
      // mutation: none-failed-needs-a-success
      return failed === 0 && unsuccessful < all ? ready : skipFor(failed);
    case "any_succeeded":
      return unsuccessful < all ? ready : skipFor(failed);
    case "any_failed":
      return failed > 0 ? ready : skip("rule_not_met");
  }
}

function skipFor(failed: number): ChildDecision {
  return skip(failed > 0 ? "upstream_failed" : "upstream_skipped");
}

export function countEndings(endings: readonly Ending[]): Required<JoinCounts> {
  return {
    ended: endings.length,
    unsuccessful: endings.filter((ending) => ending.status !== "SUCCESS").length,
    failed: endings.filter(isFailure).length,
  };
}

/**
 * The shards in which the parents of a large join are counted: a count costs a read for every thousand documents, and
 * every ending of a parent counts. Each settled parent counts its own shard first, and the others only if that shard is
 * complete. So the last parent to end always sees all shards complete.
 */
export interface JoinShards {
  readonly sizes: readonly number[];
  /** The shard of each parent. */
  readonly shardByParent: ReadonlyMap<string, number>;
}

/** Undefined when one shard holds all parents. */
export function splitIntoShards(parents: readonly string[], parentsPerShard: number): JoinShards | undefined {
  if (parents.length <= parentsPerShard) return undefined;
  const count = Math.ceil(parents.length / parentsPerShard);
  const shardByParent = new Map(parents.map((parent, index) => [parent, index % count]));
  const sizes = Array.from({ length: count }, (_, shard) => Math.ceil((parents.length - shard) / count));
  return { sizes, shardByParent };
}
