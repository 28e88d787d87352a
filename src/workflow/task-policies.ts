import type { Duration } from "../core/values/duration.ts";
import type { JsonValue } from "../core/values/json.ts";
import type { ChildRule } from "../core/workflow/definition.ts";
import type { ConditionFunction } from "../runtime/task-type.ts";
import type { KeyFieldsIn } from "./typed-mistakes.ts";

export interface RetryOptions {
  /** Total attempts, including the first. Default 4. */
  readonly maxAttempts?: number;
  /** Wait before the second attempt. Default `"1m"`. */
  readonly initial?: Duration;
  /** Each further wait is this many times the one before. Default 2. */
  readonly factor?: number;
  /** The longest wait, without its jitter. Default `"1h"`, or `initial` where that is longer. */
  readonly max?: Duration;
  /** Largest random addition, as a share of the wait, 0 to 1. Default 0. */
  readonly jitter?: number;
}

export interface IdempotencyOptions<
  Arguments = JsonValue,
  Fields extends readonly string[] = readonly string[],
> {
  /**
   * What makes two calls the same work: all `arguments` (default), some `fields` of them (`"lead_id?"` may be absent),
   * the day in a time zone (or the `date` of the arguments), or the text that a function makes from them.
   * The arguments of a function are the batch's input, those of a built-in task its parameters.
   */
  readonly key?:
    | "arguments"
    | { readonly fields: KeyFieldsIn<Fields, Arguments> }
    | { readonly date: string }
    | ((given: Arguments) => string);
  /** Scope of the key. Default `global`: all batches. */
  readonly scope?: "global" | "batch";
  /** How long a result is reused. Default `"24h"`. */
  readonly ttl?: Duration;
  /** How long the lock counts without a heartbeat. Default `"5m"`. */
  readonly lock?: Duration;
  /**
   * What a call does while another holds the lock: `wait` (default), or `skip`, which ends it as SKIPPED (`lock_held`).
   */
  readonly onLocked?: "wait" | "skip";
  /** Calls run one at a time, and run again after a success. Default false. */
  readonly recurring?: boolean;
}

export interface CallbackOptions {
  /**
   * Where progress and the final callback are sent. May contain templates. With `{{ input.callback_url? }}` a batch
   * without the URL sends no callback.
   */
  readonly url: string;
  /** Archives completed callbacks in a table of the warehouse, by fields of the arguments. */
  readonly archive?: {
    /** Default `enrichment_callbacks`. */
    readonly table?: string;
    readonly key: readonly string[];
  };
}

/**
 * The policies of a task. `Parent` is the ids of the tasks declared before it, `Arguments` what it works on, `When` the
 * function that may be its condition, `Fields` the fields of its idempotency key.
 */
export interface TaskPolicies<
  Parent extends string = string,
  Arguments = JsonValue,
  When = ConditionFunction,
  Fields extends readonly string[] = readonly string[],
> {
  /** The tasks that it waits for. Without any it runs at once. */
  readonly after?: readonly Parent[];
  /** Which endings of those tasks make it run. Default `all_succeeded`. */
  readonly rule?: ChildRule;
  /**
   * Whether it runs, once those tasks have ended: a function of the input and their results, or a CEL expression. If
   * not, it ends SKIPPED (`condition_not_met`).
   */
  readonly when?: string | When;
  /** `false` is one attempt. */
  readonly retry?: RetryOptions | false;
  /** Longest time of one attempt. Default `"5m"`. */
  readonly timeout?: Duration;
  /** The queue of its messages. Default `default`. */
  readonly queue?: string;
  /** Prevents the same work from being done twice, in this batch or others. `true`: by its arguments, for a day. */
  readonly idempotency?: true | IdempotencyOptions<Arguments, Fields>;
  /** Reports to another system. */
  readonly callback?: CallbackOptions;
}
