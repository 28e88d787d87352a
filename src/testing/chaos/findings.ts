/** What chaos finds in the code of tasks, with what to change. */
export const findingRemedies = {
  EFFECT_REPEATED:
    "Pass `context.idempotencyKey` to the service: as the header `Idempotency-Key`, as job id or as file name.",
  RESULT_DIFFERS:
    "Compute the result from the input, the parents and stored steps alone. Take times and random values in a step: " +
    '`await step("id", () => randomUUID())`.',
  STEP_MOVED:
    "Name a step by what it does and by the id of its item, never by the time, the attempt or a random value.",
  ABORT_IGNORED:
    "Pass `context.signal` to every call that takes one, and call `signal.throwIfAborted()` before each effect and " +
    "in each loop.",
  RESULT_NOT_JSON:
    "Return JSON: texts, numbers, booleans, null, lists and plain objects. Write a Date as text.",
  WORK_OUTSIDE_STEP:
    'Put the work into a step: `await step("charge", () => …)`. Code outside of steps runs again after each wait and ' +
    "each crash.",
  STATE_SHARED:
    "Keep no state in variables of the module or in files, and let a task that needs the work of another name it in " +
    "`after`.",
} as const;

export type FindingCode = keyof typeof findingRemedies;

/** A fault of a task's code, as one schedule shows it. */
export interface Suspicion {
  readonly code: FindingCode;
  readonly taskId: string;
  readonly message: string;
}

/** A fault of a task's code, with the shortest schedule found that shows it. */
export interface ChaosFinding extends Suspicion {
  readonly remedy: string;
  /** `--seed <seed> --schedules 1` shows it again. */
  readonly seed: number;
  /** How many faults of the world it takes. 0: it happens without any. */
  readonly faults: number;
  /** What happened, line by line. */
  readonly story: readonly string[];
}
