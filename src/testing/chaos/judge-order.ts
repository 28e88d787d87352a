import type { Suspicion } from "./findings.ts";
import type { ScheduleRecord } from "./schedule.ts";

/**
 * Compares two schedules without faults. A task that had the same parents' results, but another result itself, depends
 * on something else: on the order of tasks, or on what an earlier run left behind. `isSameOrder`: both had the same
 * seed.
 */
export function judgeOrder(
  one: ScheduleRecord,
  other: ScheduleRecord,
  parents: ReadonlyMap<string, readonly string[]>,
  { isSameOrder }: { readonly isSameOrder: boolean },
): readonly Suspicion[] {
  const differs = (taskId: string) =>
    JSON.stringify(one.endings.get(taskId)) !== JSON.stringify(other.endings.get(taskId));
  const isExplained = (taskId: string) =>
    !isSameOrder && [one, other].some((record) => dependsOnChance(record, taskId));
  const own = new Set(one.runs.map(({ taskId }) => taskId));
  return [...own]
    .filter((taskId) => differs(taskId) && !isExplained(taskId) && !parents.get(taskId)?.some(differs))
    .map((taskId) => ({ code: "STATE_SHARED", taskId, message: messageOf(taskId, one, other, isSameOrder) }));
}

/** Time and chance differ from seed to seed, and so may a result that is made of them. */
function dependsOnChance({ runs }: ScheduleRecord, taskId: string): boolean {
  return runs.some((run) => run.taskId === taskId && (run.readsClock || run.usesChance));
}

function messageOf(taskId: string, one: ScheduleRecord, other: ScheduleRecord, isSameOrder: boolean): string {
  const texts = [one, other].map((record) => {
    const ending = record.endings.get(taskId);
    return ending ? `${ending.status} ${ending.result}`.slice(0, 60) : "nothing";
  });
  const why = isSameOrder
    ? "keeps something from an earlier run"
    : "depends on the order, or the process, in which other tasks run";
  return `Task ${taskId} ${why}: with the same input and parents it ends ${texts.join(" and ")}`;
}
