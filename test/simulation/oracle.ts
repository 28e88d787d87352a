import type { TaskLog } from "../../src/core/records.ts";
import type { Definition, TaskDefinition } from "../../src/core/workflow/definition.ts";

/** Written down a second time: a judge who asks the accused what counts finds nothing. */
const ends: readonly string[] = ["SUCCESS", "ERROR", "SKIPPED", "CANCELLED"];
const waits: readonly string[] = ["lock_held", "sleep", "poll", "event", "completion"];

export function hasEnded({ status }: Pick<TaskLog, "status">): boolean {
  return ends.includes(status);
}

/** Whether a task continues after its wait as the same attempt. */
export function goesOn({ status, reason }: Pick<TaskLog, "status" | "reason">): boolean {
  return status === "WAITING" && reason !== null && waits.includes(reason);
}

/** How a task ended, in one word: `SUCCESS`, `ERROR`, `CANCELLED`, `SKIPPED upstream_failed` … */
export type End = string;

export function endOf({ status, reason }: Pick<TaskLog, "status" | "reason">): End {
  return status === "SKIPPED" ? `SKIPPED ${reason}` : status;
}

/**
 * What the rule of a task makes of how its parents ended: whether it runs, or how it is skipped. Written down a second
 * time, from the text of the design, and one task after another: it knows nothing of messages, counts and joins.
 */
export function fateOf({ rule, after }: TaskDefinition, endOfParent: (taskId: string) => End): "runs" | End {
  const parents = after.map(endOfParent);
  const isFailed = parents.some((end) => end !== "SUCCESS" && !isHarmless(end));
  const succeeded = parents.filter((end) => end === "SUCCESS").length;
  const unsuccessful = isFailed ? "SKIPPED upstream_failed" : "SKIPPED upstream_skipped";
  if (parents.length === 0 || rule === "all_ended") return "runs";
  if (rule === "none_failed") return succeeded > 0 && !isFailed ? "runs" : unsuccessful;
  if (rule === "all_succeeded") return succeeded === parents.length ? "runs" : unsuccessful;
  if (rule === "any_succeeded") return succeeded > 0 ? "runs" : unsuccessful;
  return isFailed ? "runs" : "SKIPPED rule_not_met";
}

/** Skipped, but not because anything failed. */
function isHarmless(end: End): boolean {
  return end.startsWith("SKIPPED") && end !== "SKIPPED upstream_failed";
}

/** Whether a task may start although some of its parents have not ended: those of `any_…` need only one. */
export function mayStart(task: TaskDefinition, endOfParent: (taskId: string) => End | undefined): boolean {
  const ends = task.after.map(endOfParent);
  const isFailure = (end: End | undefined) => end !== undefined && end !== "SUCCESS" && !isHarmless(end);
  if (task.rule === "any_succeeded" && ends.includes("SUCCESS")) return true;
  if (task.rule === "any_failed" && ends.some(isFailure)) return true;
  return ends.every((end) => end !== undefined) && fateOf(task, (id) => endOfParent(id) ?? "") === "runs";
}

/**
 * How every task of a batch ends, computed one after another. `ran` says how a task ends that its rule lets run:
 * one word or, where that is a matter of time, several; `anyway` is how any task may end besides.
 */
export function expectedEnds(
  definition: Definition,
  ran: (task: TaskDefinition) => readonly End[],
  actual: (taskId: string) => End,
  anyway: readonly End[],
): Map<string, readonly End[]> {
  const expected = new Map<string, readonly End[]>();
  for (const task of parentsFirst(definition)) {
    // What is a matter of time is taken as it came, once it is among what may be.
    const endOfParent = (id: string) => {
      const ends = expected.get(id) ?? [];
      return ends.find((end) => end === actual(id)) ?? ends[0] ?? "";
    };
    const fate = fateOf(task, endOfParent);
    expected.set(task.id, [...(fate === "runs" ? ran(task) : [fate]), ...anyway]);
  }
  return expected;
}

export function parentsFirst({ tasks }: Definition): TaskDefinition[] {
  const ordered: TaskDefinition[] = [];
  const placed = new Set<string>();
  for (let left = [...tasks]; left.length > 0; left = left.filter(({ id }) => !placed.has(id))) {
    const next = left.filter(({ after }) => after.every((id) => placed.has(id)));
    if (next.length === 0) throw new Error("The definition has a cycle");
    for (const task of next) placed.add(task.id);
    ordered.push(...next);
  }
  return ordered;
}
