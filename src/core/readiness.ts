import type { Join } from "./graph.ts";
import { countEndings, decideChild, type Ending, type Verdict } from "./joins.ts";

/** What the endings of its parents, so far, say about a child. */
export function childVerdict(join: Join, childId: string, endings: readonly Ending[]): Verdict {
  const child = join.children.find(({ taskId }) => taskId === childId);
  const counts = countEndings(endings);
  const verdicts = child ? endings.map((ending) => decideChild(child.rule, join, ending, counts)) : [];
  return verdicts.find(({ kind }) => kind !== "wait") ?? { kind: "wait" };
}
