import type * as z from "zod";
import type { DisplayStatus, StoredError, TaskStatus } from "../core/records.ts";
import type { LiteralSecret } from "../core/template/secret-references.ts";
import type { Duration } from "../core/values/duration.ts";
import type { JsonObject, JsonValue } from "../core/values/json.ts";
import type { SecretRedactor } from "../core/values/secrets.ts";
import type { HttpClient } from "../ports/http.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { Dataform, PowerBi } from "../ports/services.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { Warehouse } from "../ports/warehouse.ts";
import type { Steps } from "./step-api.ts";

/** The external services that tasks use. Each client is created at its first use. */
export interface Services {
  readonly warehouse: Warehouse;
  readonly objects: ObjectStore;
  readonly http: HttpClient;
  readonly dataform: Dataform;
  readonly powerBi: PowerBi;
}

/** Reports to the task's callback while the task runs. */
export interface TaskCallback {
  /**
   * Reports progress to the task's callback, such as `{ percent: 30 }`. It is sent once and not stored: if the receiver
   * does not accept it, the failure is logged. Does nothing if the task has no callback.
   */
  progress(data: JsonObject): Promise<void>;
}

/** Notes in the TaskLog about the work of a task. */
export interface TaskNotes {
  /** Adds to a counter of the TaskLog. */
  count(name: string, by?: number): void;
  /** Notes a problem that is no error. */
  warn(message: string | Error): void;
  /** Notes an error that does not fail the task. */
  error(message: string | Error): void;
  /**
   * Processes the items one after another. An item that fails is noted as an error, and the next item is processed.
   * Counts `items_processed` and `items_failed`. Throws a TaskError `ALL_ITEMS_FAILED` if every item failed.
   */
  eachItem<Item>(items: Iterable<Item> | AsyncIterable<Item>, work: ItemWork<Item>): Promise<void>;
}

export type ItemWork<Item> = (item: Item, index: number) => Promise<unknown> | unknown;

/** The ids of a task's parents, or a text for the compiler to print. */
type ParentId<Parents> = [keyof Parents] extends [never]
  ? "this task has no parents: name them in `after`"
  : keyof Parents & string;

/** What a task's code is called with. `Parents` maps the ids in `after` to the results of those tasks. */
export interface TaskContext<Input = JsonValue, Parents = Readonly<Record<string, unknown>>>
  extends TaskNotes {
  readonly input: Input;
  readonly batchId: string;
  readonly workflowId: string;
  readonly taskId: string;
  /** 1 for the first attempt, and higher for each later one: a fencing token for systems that accept one. */
  readonly attempt: number;
  /**
   * The same for every attempt at the same work, and also in other batches if the task has a key. Pass it on as
   * `Idempotency-Key`, job id or file name.
   */
  readonly idempotencyKey: string;
  /** Aborted on timeout, cancel, lost lease and shutdown. Its reason says which. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly services: Services;
  /** The result of a parent. Throws a TaskError unless the parent ended SUCCESS; see `parentStatus`. */
  parent<Id extends ParentId<Parents>>(taskId: Id): Promise<Parents[Id & keyof Parents]>;
  /** How a parent ended, for tasks whose rule lets them run after a failure. */
  parentStatus(taskId: ParentId<Parents>): Promise<ParentStatus>;
  /** Work that is done only once, and waits during which the task holds no worker. */
  readonly step: Steps;
  /** Reports to the task's callback while it runs. */
  readonly callback: TaskCallback;
  /**
   * `return context.waitForCompletion("2h")` parks the task until another system sends its completion, for at most that
   * long. Throws a BatonError `DURATION_INVALID` or `DURATION_TOO_LONG`.
   */
  waitForCompletion(timeout: Duration): WaitForCompletion;
}

export interface ParentStatus {
  readonly status: TaskStatus;
  readonly error: StoredError | null;
}

/** Returned by a task that another system completes. */
export class WaitForCompletion {
  readonly timeoutSeconds: number;
  constructor(timeoutSeconds: number) {
    this.timeoutSeconds = timeoutSeconds;
  }
}

/** The code of a task that is written in the workflow. */
export type TaskFunction<Input, Parents, Result> = (
  context: TaskContext<Input, Parents>,
) => Promise<Result | WaitForCompletion> | Result | WaitForCompletion;

/** A task's function with its types erased; the compiler has checked input and parents where it was written. */
export type AnyTaskFunction = TaskFunction<JsonValue, Readonly<Record<string, unknown>>, unknown>;

/** Returns the idempotency key for an input. Calls with the same key are the same work. */
export type KeyFunction<Input = JsonValue> = (input: Input) => string;

/** What a condition is called with. Reading the result of a parent that did not end SUCCESS throws. */
export interface ConditionContext<Input = JsonValue, Parents = Readonly<Record<string, unknown>>> {
  readonly input: Input;
  readonly parents: Readonly<Parents>;
  /** How each parent ended. Under an `any_…` rule some may not have ended. */
  readonly status: Readonly<Record<keyof Parents & string, DisplayStatus>>;
}

/** Whether a task runs. It must decide by its argument alone: it may be asked more than once. */
export type ConditionFunction<Input = JsonValue, Parents = Readonly<Record<string, unknown>>> = (
  context: ConditionContext<Input, Parents>,
) => boolean;

/**
 * A task of a type, with its parameters: plain data that is stored with the definition.
 * `Arguments`: its parameters, from which its idempotency key is made. `Needed`: what the input of the workflow has to
 * be.
 */
export interface TaskSpec<Result, Arguments = unknown, Needed = unknown> {
  readonly type: string;
  readonly with: JsonObject;
  /** Never set. It carries the type of the result. */
  readonly result?: Result;
  /** Never set. It carries the types of the parameters and of the input. */
  readonly types?: { readonly given: Arguments; readonly needed: Needed };
  /** The type, if it is not one of Baton's own. */
  readonly taskType?: TaskType;
}

/** A text with a placeholder, such as `{{ input.day }}`, in place of a value that is known when the task runs. */
export type Placeholder = `${string}{{${string}}}${string}`;

/** A task type, which workflows use by name: a built-in, or one of the project. */
export interface TaskType<Parameters = unknown, Result = unknown> {
  readonly type: string;
  readonly summary: string;
  readonly parameters: z.ZodType<Parameters>;
  /** Parameters that may contain `{{ secrets.NAME }}`. `run` gets them with placeholders, and inserts the secrets. */
  readonly secretParameters?: readonly string[];
  /** Parameters that hold SQL. Their text may not contain templates. */
  readonly sqlParameters?: readonly string[];
  /** Finds secrets that are written in the parameters literally instead of by reference. */
  findLiteralSecrets?(parameters: JsonObject): readonly LiteralSecret[];
  run(context: TaskContext, parameters: Parameters, secrets: SecretRedactor): Promise<Result>;
  /**
   * Cancels the task's remote job when its batch is cancelled. It may be called more than once, and before the task has
   * started a job.
   */
  cancel?(context: CancelContext, parameters: Parameters): Promise<void>;
}

/** What identifies the task and its run when it is cancelled. */
export interface CancelContext {
  readonly batchId: string;
  readonly taskId: string;
  readonly idempotencyKey: string;
  readonly services: Services;
  readonly log: Logger;
  /** The stored result of a step of the task. */
  stored(step: string): Promise<JsonValue | undefined>;
}
