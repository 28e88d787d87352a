import * as z from "zod";
import { type CallbackPolicy, CallbackPolicySchema } from "../core/callback.ts";
import type { ErrorCode } from "../core/errors/error-catalog.ts";
import { BatonError } from "../core/errors/errors.ts";
import { type Idempotency, IdempotencySchema, type KeySpec } from "../core/idempotency-key.ts";
import { defaults, limits } from "../core/limits.ts";
import { type RetryPolicy, RetryPolicySchema } from "../core/retry.ts";
import { timeZoneProblem } from "../core/schedule/slots.ts";
import { secretsInUrl } from "../core/template/secret-references.ts";
import { durationPattern, formatDuration, parseDurationSeconds } from "../core/values/duration.ts";
import { JsonObjectSchema } from "../core/values/json.ts";
import { NameSchema } from "../core/values/text.ts";
import { type Condition, ConditionSchema } from "../core/workflow/condition.ts";
import { applyTaskDefaults, ChildRuleSchema, type TaskDefinition } from "../core/workflow/definition.ts";

/** Parses `callback` of a task into its part of the definition. */
const CallbackInputSchema = z
  .strictObject({
    url: z
      .string()
      .describe("Where callbacks are sent. May hold templates")
      .superRefine((url, context) => {
        for (const { message } of secretsInUrl(url)) context.addIssue({ code: "custom", message });
      }),
    archive: z
      .strictObject({ table: z.string().optional(), key: z.array(z.string()) })
      .optional()
      .describe("Archives completed callbacks in a table of the warehouse, by fields of the arguments"),
  })
  .transform(
    ({ url, archive }): CallbackPolicy => ({
      url,
      ...(archive && { archive: { table: archive.table ?? defaults.callbackTable, key: archive.key } }),
    }),
  )
  .pipe(CallbackPolicySchema);

/** Parses a duration into seconds. `limit` says in words what the longest one is. */
function durationUpTo(maxSeconds: number, limit = "the longest there can be") {
  return (
    z
      .string({ error: 'a duration is text such as "30s", "5m" or "1h30m"' })
      // For the JSON Schema only. The check below says which part is wrong.
      .meta({ pattern: durationPattern.source })
      .transform((text, context): number => {
        const problem = (message: string) => {
          context.addIssue({ code: "custom", message });
          return z.NEVER;
        };
        try {
          const seconds = parseDurationSeconds(text, "");
          if (seconds <= maxSeconds) return seconds;
          return problem(`"${text}" is longer than ${formatDuration(maxSeconds * 1_000)}, ${limit}`);
        } catch (error) {
          if (error instanceof BatonError) return problem(error.message);
          throw error;
        }
      })
  );
}

const isFunction = (value: unknown) => typeof value === "function";

const KeySchema = z
  .union([
    z.literal("arguments"),
    z.strictObject({ fields: z.array(z.string()) }),
    z.strictObject({ date: z.string() }),
    z.custom<() => string>(isFunction),
  ])
  .transform((key, context): KeySpec => {
    if (typeof key === "object" && "date" in key) {
      const message = timeZoneProblem(key.date);
      if (message !== undefined) context.addIssue({ code: "custom", message, path: ["date"] });
    }
    if (key === "arguments") return { by: "arguments" };
    if (typeof key === "function") return { by: "function" };
    return "fields" in key ? { by: "fields", fields: key.fields } : { by: "date", timeZone: key.date };
  });

/** Parses `idempotency` of a task into its part of the definition. */
const IdempotencyInputSchema = z
  .preprocess(
    (written) => (written === true ? {} : written),
    z.strictObject({
      key: KeySchema.optional().describe("What makes two calls the same work. Default: all arguments"),
      scope: IdempotencySchema.shape.scope
        .optional()
        .describe("global (default): in all batches; batch: within one"),
      ttl: durationUpTo(limits.resultTtlSeconds)
        .optional()
        .describe("How long a result is reused. Default: 24h"),
      lock: durationUpTo(limits.delaySeconds)
        .optional()
        .describe("How long the lock counts without a heartbeat. Default: 5m"),
      onLocked: IdempotencySchema.shape.onLocked
        .optional()
        .describe("What a call does while another holds the lock. Default: wait"),
      recurring: z
        .boolean()
        .optional()
        .describe("Calls run one at a time, and again after a success. Default: false"),
    }),
  )
  .transform(
    ({ key, scope, ttl, lock, onLocked, recurring }): Idempotency => ({
      key: key ?? { by: "arguments" },
      scope: scope ?? defaults.idempotency.scope,
      ttlSeconds: ttl ?? defaults.idempotency.ttlSeconds,
      lockSeconds: lock ?? defaults.idempotency.lockSeconds,
      onLocked: onLocked ?? defaults.idempotency.onLocked,
      recurring: recurring ?? defaults.idempotency.recurring,
    }),
  )
  .pipe(IdempotencySchema);

const WhenSchema = z
  .union([z.string(), z.custom<() => boolean>(isFunction)], {
    error: "`when` is a CEL expression, or in TypeScript a function",
  })
  .transform(
    (when): Condition =>
      typeof when === "string" ? { by: "expression", expression: when } : { by: "function" },
  )
  .pipe(ConditionSchema);

const RetrySchema = z
  .strictObject({
    maxAttempts: RetryPolicySchema.shape.maxAttempts
      .optional()
      .describe("All attempts, the first included. Default: 4"),
    initial: durationUpTo(limits.delaySeconds)
      .optional()
      .describe("Wait before the second attempt. Default: 1m"),
    factor: RetryPolicySchema.shape.factor
      .optional()
      .describe("Each further wait is this many times the one before. Default: 2"),
    max: durationUpTo(limits.delaySeconds)
      .optional()
      .describe("The longest wait. Default: 1h, or `initial` where that is longer"),
    jitter: RetryPolicySchema.shape.jitter
      .optional()
      .describe("Largest random addition, as a share of the wait, 0 to 1. Default: 0"),
  })
  .refine(({ initial = 0, max = initial }) => initial <= max, {
    path: ["max"],
    message: "`initial` is longer than `max`: lower `initial`, or raise `max`",
  });

const longestAttempt =
  "the longest that one attempt can take: split the work, or wait for it with `step.poll` or an event";

/** Parses a task, from TypeScript or data, into its part of the definition. */
export const TaskInputSchema = z
  .strictObject({
    id: NameSchema.describe("Its name, unique in the workflow"),
    type: z.string(),
    with: JsonObjectSchema.optional().describe("The parameters of its type"),
    after: z
      .array(z.string())
      .refine((after) => new Set(after).size === after.length, "it names a task twice")
      .optional()
      .describe("Ids of the tasks that it waits for. Without any it runs at once"),
    rule: ChildRuleSchema.optional().describe(
      "Which endings of those tasks make it run. Default: all_succeeded",
    ),
    when: WhenSchema.optional().describe(
      "Whether it runs: a CEL expression of `input`, `parents` and `status`. Default: it runs",
    ),
    /** `false` is one attempt. */
    retry: z
      .preprocess((retry) => (retry === false ? { maxAttempts: 1 } : retry), RetrySchema.optional())
      .optional()
      .describe("How often it is tried, and the waits between. `false` is one attempt"),
    timeout: durationUpTo(limits.timeoutSeconds, longestAttempt)
      .refine((seconds) => seconds > 0, "a timeout is longer than nothing")
      .optional()
      .describe("Longest time of one attempt. Default: 5m"),
    queue: NameSchema.optional().describe("The queue of its messages. Default: default"),
    idempotency: IdempotencyInputSchema.optional().describe(
      "Does the same work only once, also in other batches. `true`: by its arguments, for a day",
    ),
    callback: CallbackInputSchema.optional().describe("Reports to another system"),
  })
  .refine(({ rule, after }) => rule === undefined || (after !== undefined && after.length > 0), {
    path: ["rule"],
    message: "a rule needs parents: name them in `after`, or remove `rule`",
  })
  .refine(({ when, after = [] }) => when?.by !== "function" || after.length <= limits.conditionParents, {
    path: ["when"],
    message:
      `a condition that is a function reads the results of all parents, so at most ${limits.conditionParents} ` +
      "are allowed: write an expression, which reads those it names",
  })
  .transform(
    ({ timeout, retry, ...task }): TaskDefinition =>
      applyTaskDefaults({ ...task, timeoutSeconds: timeout, retry: retryPolicy(retry) }),
  );

/** `parents`: the list of an earlier task, equal to this one's. It has been checked, and both tasks share it. */
export function parseTask(
  written: unknown,
  parents: readonly string[] | undefined,
): z.ZodSafeParseResult<TaskDefinition> {
  if (!parents || typeof written !== "object") return TaskInputSchema.safeParse(written);
  const parsed = TaskInputSchema.safeParse({ ...written, after: parents.slice(0, 1) });
  return parsed.success ? { ...parsed, data: { ...parsed.data, after: parents } } : parsed;
}

function retryPolicy(retry: z.infer<typeof RetrySchema> = {}): Partial<RetryPolicy> {
  const { maxAttempts, initial, factor, max, jitter } = retry;
  return {
    ...(maxAttempts !== undefined && { maxAttempts }),
    ...(initial !== undefined && { initialSeconds: initial }),
    ...(factor !== undefined && { factor }),
    // An explicit `initial` is not cut to the default maximum.
    ...maxSecondsOf(initial, max),
    ...(jitter !== undefined && { jitter }),
  };
}

function maxSecondsOf(initial = 0, max: number | undefined): Partial<RetryPolicy> {
  if (max !== undefined) return { maxSeconds: max };
  return initial > defaults.retry.maxSeconds ? { maxSeconds: initial } : {};
}

const durationKeys: readonly PropertyKey[] = ["timeout", "initial", "max", "ttl", "lock"];

/** The error code of an issue that the schema of a task, or of a workflow, found at a path. */
export function issueCode(issue: z.core.$ZodIssue, path: readonly PropertyKey[]): ErrorCode {
  if (path[0] === "with") return "TASK_PARAMETERS_INVALID";
  if (durationKeys.includes(path.at(-1) ?? "")) return "DURATION_INVALID";
  return issue.code === "invalid_format" ? "NAME_INVALID" : "WORKFLOW_INVALID";
}
