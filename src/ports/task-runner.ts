import type { TaskDefinition } from "../core/definition.ts";
import type { JsonValue } from "../core/json.ts";
import type { StoredError, StoredResult } from "../core/records.ts";
import type { TaskStatus } from "../core/status.ts";

/** What a parent of the running task left behind. */
export interface ParentOutcome {
  readonly status: TaskStatus;
  readonly result: JsonValue;
  readonly error: StoredError | null;
}

/** One attempt that has been claimed and is to be run. */
export interface Assignment {
  readonly batchId: string;
  readonly workflowId: string;
  readonly definitionHash: string;
  readonly task: TaskDefinition;
  readonly input: JsonValue;
  readonly attempt: number;
  readonly leaseSeconds: number;
  /** Renews the lease; false when the claim is no longer ours. Throws when the store can't be reached. */
  readonly renew: () => Promise<boolean>;
  readonly parentOutcome: (taskId: string) => Promise<ParentOutcome>;
}

export type TaskOutcome =
  | { readonly kind: "succeeded"; readonly result: StoredResult }
  | { readonly kind: "failed"; readonly error: StoredError }
  /** Parked until a completion comes from outside, at most that long. */
  | { readonly kind: "waiting"; readonly timeoutSeconds: number }
  /** Given back unfinished because this process stops; somebody else may claim it at once. */
  | { readonly kind: "released" }
  /** The claim is not ours any more: nothing may be committed. */
  | { readonly kind: "abandoned" };

/** Runs the code of one attempt. Never rejects: whatever the code does becomes an outcome. */
export interface TaskRunner {
  run(assignment: Assignment): Promise<TaskOutcome>;
}
