import type { CallbackAddress } from "../core/callback.ts";
import type { Notes, ParkReason, StoredError, TaskStatus } from "../core/records.ts";
import type { StepKind } from "../core/steps.ts";
import type { JsonText, JsonValue } from "../core/values/json.ts";
import type { TaskDefinition } from "../core/workflow/definition.ts";

/** What a parent of the running task left behind. */
export interface ParentOutcome {
  readonly status: TaskStatus;
  readonly result: JsonValue;
  readonly error: StoredError | null;
}

/** A step that is done: what it returned, or that its wait came to nothing. */
export interface StepResult {
  readonly kind: Exclude<StepKind, "since">;
  readonly value: JsonValue;
}

/** Times by the store's clock, in milliseconds since 1970. */
export interface StepWait {
  readonly since: number;
  readonly now: number;
}

/** The stored steps of one call of a task. What a method has stored is durable when it returns. */
export interface StepMemory {
  find(name: string): Promise<StepResult | undefined>;
  /** Stores how a step ended; gives what stands, which may be another worker's. */
  store(name: string, kind: StepResult["kind"], value: JsonText): Promise<StepResult>;
  /** When the wait of a step began; it begins now, unless it has before. */
  startWait(name: string): Promise<StepWait>;
  /** An event that was sent to the batch, if it was. */
  event(name: string): Promise<{ readonly payload: JsonValue } | undefined>;
}

/** One attempt that has been claimed and is to be run. */
export interface Assignment {
  readonly batchId: string;
  readonly workflowId: string;
  readonly definitionHash: string;
  readonly task: TaskDefinition;
  readonly input: JsonValue;
  readonly attempt: number;
  /** The same for every attempt at the same work. */
  readonly idempotencyKey: string;
  readonly leaseSeconds: number;
  /** Renews the lease; false when the claim is no longer ours. Throws when the store can't be reached. */
  readonly renew: () => Promise<boolean>;
  readonly parentOutcome: (taskId: string) => Promise<ParentOutcome>;
  readonly memory: StepMemory;
  /** Where progress is reported to, and the id of the event that will end it. */
  readonly callback: (CallbackAddress & { readonly eventId: string }) | undefined;
}

export type TaskOutcome =
  | {
      readonly kind: "succeeded";
      /** For the TaskLog, the children and whoever looks. */
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
  /** It waits, for at most that long, and leaves the machine. `events`: those that end the wait sooner. */
  | {
      readonly kind: "parked";
      readonly reason: ParkReason;
      readonly seconds: number;
      readonly events?: readonly string[];
    }
  /** Given back unfinished because this process stops; somebody else may claim it at once. */
  | { readonly kind: "released" }
  /** The claim is not ours any more: nothing may be committed. */
  | { readonly kind: "abandoned" };

/** A call whose key is made by the workflow's own function. */
export interface KeyedCall {
  readonly workflowId: string;
  readonly taskId: string;
  readonly batchId: string;
  readonly arguments: JsonValue;
}

/** The runs of a task that has been fenced because its batch was cancelled. */
export interface CancelledTask {
  readonly batchId: string;
  readonly task: TaskDefinition;
  /** With their placeholders filled. */
  readonly parameters: JsonValue;
  readonly idempotencyKey: string;
  readonly memory: Pick<StepMemory, "find">;
}

/** Runs the code of one attempt. Never rejects: whatever the code does becomes an outcome. */
export interface TaskRunner {
  run(assignment: Assignment): Promise<TaskOutcome>;
  /** What the task's key function gives. Rejects with whatever it throws. */
  customKey(call: KeyedCall): Promise<string>;
  /**
   * Ends what the task has started elsewhere; nothing is left of it once this has been called often enough to succeed.
   */
  cancel(cancelled: CancelledTask): Promise<void>;
}

/** A turn at something that tasks share, from the moment it is asked for. */
export interface Turn {
  /** The wait is over: what follows is the task's own time. */
  begin(): void;
  /** It is over, or is waited for no longer. */
  end(): void;
}

/**
 * The time of the task whose code is running. Time in which it only waits for what others have is not its own, and
 * does not count for its timeout.
 */
export interface TaskTime {
  /** The timeout of the task that asks stands still until its turn begins. Outside of a task nothing is counted. */
  requestTurn(): Turn;
}

/** For what is used outside of tasks. */
export const noTaskTime: TaskTime = {
  requestTurn: () => ({ begin() {}, end() {} }),
};
