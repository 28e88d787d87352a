import { errorCode } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { truncate } from "../../core/values/text.ts";
import type { Effect, WatchedRun } from "../code/watched-run.ts";
import type { Suspicion } from "./findings.ts";
import type { ScheduleRecord } from "./schedule.ts";

/** Judges the code of tasks by what it did in one schedule. */
export function judgeRuns({ runs, endedAt }: ScheduleRecord): readonly Suspicion[] {
  const calls = Map.groupBy(runs, ({ batchId, taskId }) => `${batchId}/${taskId}`);
  return [...calls.values()].flatMap((ofCall) => [
    ...judgeEffects(ofCall),
    ...judgeResults(ofCall),
    ...judgeSteps(ofCall),
    ...ofCall.flatMap((run) => [...judgeAbort(run, endedAt), ...judgeJson(run)]),
  ]);
}

/** Effects that two runs of the same call had, and that the service can't recognise as the same. */
function judgeEffects(runs: readonly WatchedRun[]): readonly Suspicion[] {
  const first = new Map<string, { readonly run: WatchedRun; readonly effect: Effect }>();
  const usesSteps = runs.some(({ reached }) => reached.length > 0);
  const found: Suspicion[] = [];
  for (const run of runs)
    for (const effect of run.effects) {
      if (effect.protection.kind === "harmless") continue;
      const slot = `${effect.step ?? ""}\n${effect.what}\n${effect.occurrence}`;
      const before = first.get(slot);
      if (!before) first.set(slot, { run, effect });
      else if (before.run !== run && !isRecognised(before.effect, effect))
        found.push(toRepetition(run, effect, usesSteps));
    }
  return found;
}

function isRecognised({ protection: one }: Effect, { protection: other }: Effect): boolean {
  return one.kind === "key" && other.kind === "key" && one.key === other.key;
}

function toRepetition({ taskId }: WatchedRun, effect: Effect, usesSteps: boolean): Suspicion {
  const { what, step, protection } = effect;
  const how = protection.kind === "key" ? "with another key each time" : "without the idempotency key";
  if (step === undefined && usesSteps)
    return {
      code: "WORK_OUTSIDE_STEP",
      taskId,
      message: `Outside of its steps, task ${taskId} does this again when it continues: ${what}`,
    };
  const place = step === undefined ? "" : ` in step "${step}"`;
  return {
    code: "EFFECT_REPEATED",
    taskId,
    message: `Task ${taskId} does this twice${place}, ${how}: ${what}`,
  };
}

/** Results of two attempts at the same call. After a failed call of a service the code may have taken another way. */
function judgeResults(runs: readonly WatchedRun[]): readonly Suspicion[] {
  const returned = runs.flatMap((run) =>
    run.ending?.kind === "returned" && run.ending.json !== undefined && !run.hadFailedCall
      ? [{ run, json: run.ending.json }]
      : [],
  );
  const [one] = returned;
  const other = returned.find(({ json }) => json !== one?.json);
  if (!one || !other) return [];
  const { taskId } = one.run;
  const runsBoth = [one.run, other.run];
  const causes = [
    ...(runsBoth.some(({ readsClock }) => readsClock) ? ["it reads the clock"] : []),
    ...(runsBoth.some(({ usesChance }) => usesChance) ? ["it uses random values"] : []),
  ];
  const cause = causes.length > 0 ? ` (${causes.join(", and ")})` : "";
  const texts = [one.json, other.json].map((json) => truncate(json, 120));
  return [
    {
      code: "RESULT_DIFFERS",
      taskId,
      message: `Two attempts at task ${taskId} return different results${cause}: ${texts.join(" and ")}`,
    },
  ];
}

/** Steps that an earlier run has stored, and that a later run, which came as far, never asked for. */
function judgeSteps(runs: readonly WatchedRun[]): readonly Suspicion[] {
  return runs.flatMap((earlier, index) => {
    const later = runs.slice(index + 1).find((run) => hasComeAsFar(run, earlier, runs));
    if (!later || earlier.hadFailedCall || later.hadFailedCall) return [];
    // A run that continues the same attempt follows a wait: all that was reached before it was reached for good.
    const isContinued = later.attempt === earlier.attempt;
    const names = isContinued && earlier.abortedAt === undefined ? earlier.reached : earlier.stepsDone;
    const missing = names.find((name) => !later.reached.includes(name));
    if (missing === undefined) return [];
    const instead = later.reached.find((name) => !earlier.reached.includes(name));
    const found = instead === undefined ? "" : `; it asked for "${instead}" instead`;
    const { taskId } = earlier;
    return [
      {
        code: "STEP_MOVED",
        taskId,
        message: `A later run of task ${taskId} does not find its step "${missing}"${found}`,
      } as const,
    ];
  });
}

/** It returned, or it waited after at least as many steps and was continued. */
function hasComeAsFar(run: WatchedRun, earlier: WatchedRun, runs: readonly WatchedRun[]): boolean {
  if (run.ending) return run.ending.kind === "returned";
  const isContinued = runs.slice(runs.indexOf(run) + 1).some(({ attempt }) => attempt === run.attempt);
  return isContinued && run.abortedAt === undefined && run.reached.length >= earlier.reached.length;
}

const graceMs = limits.abortedCodeSeconds * 1_000;

/** Effects after the abort, and code that continues for long. */
function judgeAbort(run: WatchedRun, scheduleEndedAt: number): readonly Suspicion[] {
  const { abortedAt, taskId, effects, process } = run;
  if (abortedAt === undefined) return [];
  const late = effects.find(({ isAfterAbort, protection }) => isAfterAbort && protection.kind !== "harmless");
  const code = "ABORT_IGNORED";
  if (late)
    return [
      { code, taskId, message: `Task ${taskId} does this although its signal is aborted: ${late.what}` },
    ];
  const isStopped = !process.isAlive || process.hungUntil > abortedAt || run.isWaiting;
  if (run.ending === undefined && isStopped) return [];
  const continuedMs = (run.endedAt ?? scheduleEndedAt) - abortedAt - run.waitedAfterAbortMs;
  if (continuedMs <= graceMs || process.hungUntil > abortedAt) return [];
  const how = run.ending ? `for ${Math.round(continuedMs / 1_000)} s` : "without an end";
  return [{ code, taskId, message: `Task ${taskId} continues ${how} after its signal was aborted` }];
}

function judgeJson({ ending, taskId }: WatchedRun): readonly Suspicion[] {
  const isNotJson =
    (ending?.kind === "returned" && ending.json === undefined) ||
    (ending?.kind === "threw" && errorCode(ending.error) === "TASK_RESULT_NOT_JSON");
  if (!isNotJson) return [];
  const problem = ending.kind === "returned" ? ending.problem : String(ending.error);
  return [
    { code: "RESULT_NOT_JSON", taskId, message: `What task ${taskId} returns is not JSON: ${problem}` },
  ];
}
