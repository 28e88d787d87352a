import * as z from "zod";
import {
  type ChildRule,
  ChildRuleSchema,
  completeTask,
  type RetryPolicy,
  RetryPolicySchema,
  type TaskDefinition,
} from "../core/definition.ts";
import { type Duration, parseDurationSeconds } from "../core/duration.ts";
import { BatonError, type ErrorCode } from "../core/errors.ts";
import { JsonObjectSchema } from "../core/json.ts";
import { limits } from "../core/limits.ts";
import { NameSchema } from "../core/names.ts";

export interface RetryOptions {
  /** Attempts in all, the first included. Default 4. */
  readonly maxAttempts?: number;
  /** Wait before the second attempt. Default `"1m"`. */
  readonly initial?: Duration;
  /** Each further wait is this many times the one before. Default 2. */
  readonly factor?: number;
  /** No wait is longer. Default `"1h"`. */
  readonly max?: Duration;
  /** Share of the wait that is added at random, 0 to 1. Default 0. */
  readonly jitter?: number;
}

/** How a task of a workflow is run. `Parent` is the ids of the tasks declared before it. */
export interface TaskPolicies<Parent extends string = string> {
  /** The tasks whose ends it waits for. None: it runs at once. */
  readonly after?: readonly Parent[];
  /** Which ends of those tasks make it run. Default `all_succeeded`. */
  readonly rule?: ChildRule;
  /** `false` is one attempt. */
  readonly retry?: RetryOptions | false;
  /** Longest time of one attempt. Default `"5m"`. */
  readonly timeout?: Duration;
  /** The lane its messages wait in. Default `default`. */
  readonly queue?: string;
}

/** A duration as people write it, in seconds. */
function durationUpTo(maxSeconds: number) {
  return z
    .string({ error: 'a duration is text such as "30s", "5m" or "1h30m"' })
    .transform((text, context): number => {
      const problem = (message: string) => {
        context.addIssue({ code: "custom", message });
        return z.NEVER;
      };
      try {
        const seconds = parseDurationSeconds(text, "");
        return seconds > maxSeconds ? problem(`"${text}" is longer than ${maxSeconds} seconds`) : seconds;
      } catch (error) {
        if (error instanceof BatonError) return problem(error.message);
        throw error;
      }
    });
}

const RetrySchema = z.strictObject({
  maxAttempts: RetryPolicySchema.shape.maxAttempts.optional(),
  initial: durationUpTo(limits.delaySeconds).optional(),
  factor: RetryPolicySchema.shape.factor.optional(),
  max: durationUpTo(limits.delaySeconds).optional(),
  jitter: RetryPolicySchema.shape.jitter.optional(),
});

/** A task as people write it, in TypeScript and as data, and what the definition keeps of it. */
export const WrittenTaskSchema = z
  .strictObject({
    id: NameSchema,
    type: z.string(),
    with: JsonObjectSchema.optional(),
    after: z
      .array(z.string())
      .refine((after) => new Set(after).size === after.length, "it names a task twice")
      .optional(),
    rule: ChildRuleSchema.optional(),
    /** `false` is one attempt. */
    retry: z
      .preprocess((retry) => (retry === false ? { maxAttempts: 1 } : retry), RetrySchema.optional())
      .optional(),
    timeout: durationUpTo(limits.timeoutSeconds)
      .refine((seconds) => seconds > 0, "a timeout is longer than nothing")
      .optional(),
    queue: NameSchema.optional(),
  })
  .refine(({ rule, after }) => rule === undefined || (after !== undefined && after.length > 0), {
    path: ["rule"],
    message: "a rule is about parents, and this task has none in `after`",
  })
  .transform(
    ({ timeout, retry, ...task }): TaskDefinition =>
      completeTask({ ...task, timeoutSeconds: timeout, retry: retryPolicy(retry) }),
  );

function retryPolicy(retry: z.infer<typeof RetrySchema> = {}): Partial<RetryPolicy> {
  const { maxAttempts, initial, factor, max, jitter } = retry;
  return {
    ...(maxAttempts !== undefined && { maxAttempts }),
    ...(initial !== undefined && { initialSeconds: initial }),
    ...(factor !== undefined && { factor }),
    ...(max !== undefined && { maxSeconds: max }),
    ...(jitter !== undefined && { jitter }),
  };
}

const durationKeys: readonly PropertyKey[] = ["timeout", "initial", "max"];

/** The code of a problem that the schema of a task, or of a whole workflow, found at a path. */
export function codeOfIssue(issue: z.core.$ZodIssue, path: readonly PropertyKey[]): ErrorCode {
  if (path[0] === "with") return "TASK_PARAMETERS_INVALID";
  if (durationKeys.includes(path.at(-1) ?? "")) return "DURATION_INVALID";
  return issue.code === "invalid_format" ? "NAME_INVALID" : "WORKFLOW_INVALID";
}
