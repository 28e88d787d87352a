import type { Execution, Holder } from "./execution.ts";
import type { BatchStatus, Reason, TaskStatus } from "./status.ts";

/** A task of a running batch that runs or waits, as `baton inspect` prints it. Times are ISO 8601, UTC. */
export interface ActiveTask {
  readonly batchId: string;
  readonly taskId: string;
  readonly status: TaskStatus;
  readonly reason: Reason | null;
  readonly attempt: number;
  readonly worker: string | null;
  /** When the attempt, or the wait, began. */
  readonly since: string;
  /** When its lease or its wait is over, unless it is renewed. */
  readonly due: string | null;
  readonly key: string | null;
}

export interface Lock extends Holder {
  readonly key: string;
  readonly until: string;
  /** It is over: the next call takes it. */
  readonly isOver: boolean;
}

export interface CachedResult {
  readonly key: string;
  readonly producedBy: (Holder & { readonly endedAt: string }) | null;
  readonly until: string;
  /** The beginning of the result's JSON. */
  readonly result: string;
}

export interface Stats {
  readonly batches: Readonly<Record<BatchStatus, number>>;
  /** SUCCESS: those whose result still counts. */
  readonly executions: Readonly<Record<Execution["state"], number>>;
  readonly callbacks: Readonly<Record<"PENDING" | "DELIVERED" | "GIVEN_UP", number>>;
  readonly deadLetters: { readonly total: number; readonly notReplayed: number };
  /** Documents that this version can't read, and that are in none of the numbers. */
  readonly unreadable: number;
}
