import type { CallbackAddress } from "../core/callback.ts";
import type { TaskCall } from "../core/idempotency-key.ts";
import type { Notes, ParkReason, StoredError, TaskStatus } from "../core/records.ts";
import type { StepKind } from "../core/steps.ts";
import type { JsonText, JsonValue } from "../core/values/json.ts";
import type { ConditionCall } from "../core/workflow/condition.ts";
import type { TaskDefinition } from "../core/workflow/definition.ts";
import type { MaybePromise } from "./store.ts";

/** How a parent of the running task ended. */
export interface ParentOutcome {
  readonly status: TaskStatus;
  readonly result: JsonValue;
  readonly error: StoredError | null;
}

/** The stored value of a step, or the fact that its wait timed out. */
export interface StepResult {
  readonly kind: Exclude<StepKind, "since">;
  readonly value: JsonValue;
}

/** The start of a step's wait, and the present, both by the store's clock in milliseconds since 1970. */
export interface StepWait {
  readonly since: number;
  readonly now: number;
}

/** The stored steps of one call of a task. Every method returns only when its write is durable. */
export interface StepMemory {
  find(name: string): Promise<StepResult | undefined>;
  /** Stores how a step ended. Returns the stored result, which may be that of another worker. */
  store(name: string, kind: StepResult["kind"], value: JsonText): Promise<StepResult>;
  /** Starts the wait of a step, unless it has started before. */
  startWait(name: string): Promise<StepWait>;
  /** The first event with this name that the batch has received. */
  event(name: string): Promise<{ readonly payload: JsonValue } | undefined>;
}

/** A claimed attempt, for the task runner. */
export interface Assignment {
  readonly batchId: string;
  readonly workflowId: string;
  readonly definitionHash: string;
  readonly task: TaskDefinition;
  readonly input: JsonValue;
  readonly attempt: number;
  /** The same for all attempts, also in other batches with the same key. */
  readonly idempotencyKey: string;
  readonly leaseSeconds: number;
  /** The heartbeat. Returns false if the claim is lost. Throws if the store is unavailable. */
  readonly renew: () => Promise<boolean>;
  readonly parentOutcome: (taskId: string) => Promise<ParentOutcome>;
  /** Called if the task has steps. */
  readonly memory: () => StepMemory;
  /** The URL for progress, and the id of the task's final event. */
  readonly callback: (CallbackAddress & { readonly eventId: string }) | undefined;
}

export type TaskOutcome =
  | {
      readonly kind: "succeeded";
      /** For the TaskLog and the children. */
      readonly summary: JsonText;
      /** For the final callback. */
      readonly result: JsonText;
      readonly notes: Notes | null;
    }
  | {
      readonly kind: "failed";
      readonly error: StoredError;
      readonly notes: Notes | null;
      readonly retryAfterSeconds?: number;
    }
  /** The task leaves its worker and waits, for at most `seconds`. `events`: those that end the wait early. */
  | {
      readonly kind: "parked";
      readonly reason: ParkReason;
      readonly seconds: number;
      readonly events?: readonly string[];
    }
  /** The code threw a `Skip`. */
  | {
      readonly kind: "skipped";
      readonly reason: "skipped_by_task";
      readonly cause: string;
      readonly notes: Notes | null;
    }
  /** Unfinished because this process stops. Another worker may claim the task at once. */
  | { readonly kind: "released" }
  /** The worker lost its claim, so nothing may be committed. */
  | { readonly kind: "abandoned" };

/** A call whose key is made by the workflow's own function. */
export type KeyedCall = Omit<TaskCall, "claimedAt">;

/** A task that was fenced because its batch was cancelled. */
export interface CancelledTask {
  readonly batchId: string;
  readonly workflowId: string;
  readonly task: TaskDefinition;
  /** The parameters with their placeholders filled. */
  readonly parameters: JsonValue;
  readonly idempotencyKey: string;
  readonly memory: Pick<StepMemory, "find">;
}

/** Runs the code of tasks. */
export interface TaskRunner {
  /** Never rejects: an error of the task's code is an outcome. */
  run(assignment: Assignment): MaybePromise<TaskOutcome>;
  /** The value of the task's key function. Rejects with the error that it throws. */
  customKey(call: KeyedCall): Promise<string>;
  /** Whether the task's condition, a function, lets it run. Rejects with `CONDITION_FAILED`, `TASK_CODE_MISSING`. */
  condition(call: ConditionCall): Promise<boolean>;
  /** Cancels the remote jobs of the task. Repeat the call until it succeeds. */
  cancel(cancelled: CancelledTask): Promise<void>;
}

/** A task's turn at a resource that tasks share. The task waits from the request until `begin`. */
export interface Turn {
  /** The turn begins, and the task's time counts again. */
  begin(): void;
  /** The turn is over, or the task no longer waits for it. */
  end(): void;
}

/**
 * The time of the task whose code is running. Time in which it waits for other tasks to release a resource does not
 * count for its timeout.
 */
export interface TaskTime {
  /** Pauses the timeout of the calling task until its turn begins. Outside of a task it does nothing. */
  requestTurn(): Turn;
}

/** For code that runs outside of tasks. */
export const noTaskTime: TaskTime = {
  requestTurn: () => ({ begin() {}, end() {} }),
};
