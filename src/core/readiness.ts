import type { Join } from "./graph.ts";
import { type Counts, decideChild, type Ending, isFailure, type Verdict } from "./joins.ts";

/** Counts of a join when the endings of its parents are all at hand. */
export function countEndings(endings: readonly Ending[]): Required<Counts> {
  return {
    succeeded: endings.filter((ending) => ending.status === "SUCCESS").length,
    failed: endings.filter(isFailure).length,
    ended: endings.length,
  };
}

/** What the endings of its parents, so far, say about a child. */
export function childVerdict(join: Join, childId: string, endings: readonly Ending[]): Verdict {
  const child = join.children.find(({ taskId }) => taskId === childId);
  const counts = countEndings(endings);
  const verdicts = child ? endings.map((ending) => decideChild(child.rule, join, ending, counts)) : [];
  return verdicts.find(({ kind }) => kind !== "wait") ?? { kind: "wait" };
}
