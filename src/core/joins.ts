import type { Reason, TerminalStatus } from "./records.ts";
import type { ChildRule } from "./workflow/definition.ts";

/** How a task ended, as far as its children care. */
export interface Ending {
  readonly status: TerminalStatus;
  readonly reason: Reason | null;
}

/** What is counted over the parents of a join: all that ended, those without success, and those that failed. */
export type JoinCount = "ended" | "unsuccessful" | "failed";
export type JoinCounts = { readonly [K in JoinCount]?: number };

/** What has to be known of a join to decide about its children. */
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

/** A task that failed, or that was skipped because something above it failed. */
export function isFailure(ending: Ending): boolean {
  // mutation: skip-passes-failure-on
  if (ending.status === "SKIPPED") return ending.reason === "upstream_failed";
  return ending.status !== "SUCCESS";
}

/** The tallies an ending adds to. A join of one parent counts nothing: the ending says it all. */
export function incrementedCounts(shape: JoinShape, ending: Ending): JoinCount[] {
  if (shape.parents.length < 2) return [];
  if (ending.status === "SUCCESS") return ["ended"];
  return isFailure(ending) ? ["ended", "unsuccessful", "failed"] : ["ended", "unsuccessful"];
}

/**
 * The tally that has to be read next, after an ending is committed, to decide about the children of a join; undefined
 * when what has been read suffices. The usual join, all of whose parents succeed, reads one count a parent, and
 * one more at its end.
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
 * What an ending of one parent, and the counts read after it, mean for a child under the rule. Only `any_…` children
 * are decided before all parents have ended, so what the others come to does not depend on who ends first.
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

function decideEnded(rule: ChildRule, all: number, unsuccessful: number, failed: number): ChildDecision {
  switch (rule) {
    case "all_ended":
      return ready;
    case "all_succeeded":
      return unsuccessful === 0 ? ready : skipFor(failed);
    case "any_succeeded":
      return unsuccessful < all ? ready : skipFor(failed);
    case "any_failed":
      return failed > 0 ? ready : skip("rule_not_met");
  }
}

function skipFor(failed: number): ChildDecision {
  return skip(failed > 0 ? "upstream_failed" : "upstream_skipped");
}

/** Counts of a join when the endings of its parents are all at hand. */
export function countEndings(endings: readonly Ending[]): Required<JoinCounts> {
  return {
    ended: endings.length,
    unsuccessful: endings.filter((ending) => ending.status !== "SUCCESS").length,
    failed: endings.filter(isFailure).length,
  };
}

/**
 * The parents of a large join in parts that are counted by themselves: a count costs a read for every thousand that it
 * counts, and every ending of a parent counts. An ending counts its own part, and only when that is complete the others:
 * whoever is the last of all finds its own part complete, and all others.
 */
export interface JoinShards {
  readonly sizes: readonly number[];
  /** The part that a parent is counted in. */
  readonly shardByParent: ReadonlyMap<string, number>;
}

/** Undefined when all parents are one part. */
export function splitIntoShards(parents: readonly string[], parentsPerShard: number): JoinShards | undefined {
  if (parents.length <= parentsPerShard) return undefined;
  const count = Math.ceil(parents.length / parentsPerShard);
  const shardByParent = new Map(parents.map((parent, index) => [parent, index % count]));
  const sizes = Array.from({ length: count }, (_, shard) => Math.ceil((parents.length - shard) / count));
  return { sizes, shardByParent };
}
