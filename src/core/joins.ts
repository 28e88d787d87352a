import type { ChildRule } from "./definition.ts";
import type { Reason, TerminalStatus } from "./status.ts";

/** How a task ended, as far as its children care. */
export interface Ending {
  readonly status: TerminalStatus;
  readonly reason: Reason | null;
}

/** What is counted over the parents of a join. `ended` counts every parent that is terminal. */
export type Tally = "succeeded" | "failed" | "ended";
export type Counts = { readonly [K in Tally]?: number };

/** What a join has to count for its children's rules, known from the definition alone. */
export interface JoinShape {
  readonly parents: readonly string[];
  readonly rules: readonly ChildRule[];
  /** Whether a parent may be skipped although nothing failed, so that "not all succeeded" needs its own count. */
  readonly skippable: boolean;
}

export type Verdict =
  | { readonly kind: "ready" }
  | { readonly kind: "skip"; readonly reason: "upstream_failed" | "upstream_skipped" | "rule_not_met" }
  | { readonly kind: "wait" };

const ready: Verdict = { kind: "ready" };
const wait: Verdict = { kind: "wait" };
const skip = (reason: "upstream_failed" | "upstream_skipped" | "rule_not_met"): Verdict => ({
  kind: "skip",
  reason,
});

/** A task that failed, or that was skipped because something above it failed. */
export function isFailure(ending: Ending): boolean {
  if (ending.status === "SKIPPED") return ending.reason === "upstream_failed";
  return ending.status !== "SUCCESS";
}

/** The tallies an ending adds to. A join of one parent counts nothing: the ending says it all. */
export function talliesOf(shape: JoinShape, ending: Ending): Tally[] {
  if (shape.parents.length < 2) return [];
  const counted = countedBy(shape);
  const adds: Tally[] = [];
  if (counted.has("succeeded") && ending.status === "SUCCESS") adds.push("succeeded");
  if (counted.has("failed") && isFailure(ending)) adds.push("failed");
  if (counted.has("ended")) adds.push("ended");
  return adds;
}

function countedBy(shape: JoinShape): Set<Tally> {
  return new Set(shape.rules.flatMap((rule) => talliesOfRule(rule, shape.skippable)));
}

function talliesOfRule(rule: ChildRule, skippable: boolean): Tally[] {
  switch (rule) {
    case "all_succeeded":
      return skippable ? ["succeeded", "ended", "failed"] : ["succeeded"];
    case "all_ended":
      return ["ended"];
    case "any_succeeded":
      return ["ended", "succeeded", "failed"];
    case "any_failed":
      return ["ended", "failed"];
  }
}

/** The tallies that have to be read, after an ending is committed, to decide about the children of a join. */
export function talliesToRead(shape: JoinShape, ending: Ending): Tally[] {
  if (shape.parents.length < 2) return [];
  const needed = shape.rules.flatMap((rule) =>
    decidedAtOnce(rule, ending) ? [] : talliesOfRule(rule, shape.skippable),
  );
  return [...new Set(needed)];
}

function decidedAtOnce(rule: ChildRule, ending: Ending): boolean {
  if (rule === "all_succeeded") return isFailure(ending);
  if (rule === "any_succeeded") return ending.status === "SUCCESS";
  return rule === "any_failed" && isFailure(ending);
}

/** What an ending of one parent, and the counts read after it, mean for a child under the rule. */
export function decideChild(rule: ChildRule, shape: JoinShape, ending: Ending, read: Counts): Verdict {
  const { succeeded = 0, failed = 0, ended = 0 } = shape.parents.length === 1 ? countsOfOne(ending) : read;
  const all = shape.parents.length;
  const allEnded = ended === all;
  const failure = isFailure(ending);
  switch (rule) {
    case "all_succeeded":
      if (failure) return skip("upstream_failed");
      return succeeded === all ? ready : onceAll(allEnded && shape.skippable, unsuccessful(failed));
    case "all_ended":
      return allEnded ? ready : wait;
    case "any_succeeded":
      return ending.status === "SUCCESS" || succeeded > 0 ? ready : onceAll(allEnded, unsuccessful(failed));
    case "any_failed":
      return failure || failed > 0 ? ready : onceAll(allEnded, skip("rule_not_met"));
  }
}

/** Nothing can be said before all parents have ended. */
function onceAll(allEnded: boolean, verdict: Verdict): Verdict {
  return allEnded ? verdict : wait;
}

function unsuccessful(failed: number): Verdict {
  return skip(failed > 0 ? "upstream_failed" : "upstream_skipped");
}

function countsOfOne(ending: Ending): Counts {
  return {
    succeeded: ending.status === "SUCCESS" ? 1 : 0,
    failed: isFailure(ending) ? 1 : 0,
    ended: 1,
  };
}
