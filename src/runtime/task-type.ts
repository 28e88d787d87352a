import type * as z from "zod";
import type { StoredError, TaskStatus } from "../core/records.ts";
import type { LiteralSecret } from "../core/template/named-secrets.ts";
import type { JsonObject, JsonValue } from "../core/values/json.ts";
import type { SecretRedactor } from "../core/values/secrets.ts";
import type { HttpClient } from "../ports/http.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { Dataform, PowerBi } from "../ports/services.ts";
import type { Logger } from "../ports/telemetry.ts";
import type { Warehouse } from "../ports/warehouse.ts";
import type { TaskCallback, TaskNotes } from "./progress.ts";
import type { Steps } from "./step-api.ts";

/** The outside world, as tasks reach it. Each part is made when it is first asked for. */
export interface Services {
  readonly warehouse: Warehouse;
  readonly objects: ObjectStore;
  readonly http: HttpClient;
  readonly dataform: Dataform;
  readonly powerBi: PowerBi;
}

/** What a running task is given. `Parents` maps the ids in `after` to the results of those tasks. */
export interface TaskContext<Input = JsonValue, Parents = Readonly<Record<string, unknown>>>
  extends TaskNotes {
  readonly input: Input;
  readonly batchId: string;
  readonly workflowId: string;
  readonly taskId: string;
  /** 1 for the first attempt. Rises with every attempt: a fencing token for systems that take one. */
  readonly attempt: number;
  /** The same for every attempt at the same work, in other batches too when the task has a key: pass it on as `Idempotency-Key`, job id, file name. */
  readonly idempotencyKey: string;
  /** Aborted on timeout, cancel, lost lease and shutdown; its reason says which. */
  readonly signal: AbortSignal;
  readonly log: Logger;
  readonly services: Services;
  /** The result of a parent. Throws a TaskError unless that parent ended SUCCESS: see `parentStatus`. */
  parent<Id extends keyof Parents & string>(taskId: Id): Promise<Parents[Id]>;
  /** How a parent ended, for tasks whose rule lets them run after a failure. */
  parentStatus(taskId: keyof Parents & string): Promise<ParentStatus>;
  /** Pieces of work that are done once, and waits that leave the machine. */
  readonly step: Steps;
  /** Reports to the task's callback while it runs. */
  readonly callback: TaskCallback;
  /** `return context.waitForCompletion("2h")` parks the task until somebody outside completes it. */
  waitForCompletion(timeout: string): WaitForCompletion;
}

export interface ParentStatus {
  readonly status: TaskStatus;
  readonly error: StoredError | null;
}

/** Returned by a task whose work ends elsewhere. */
export class WaitForCompletion {
  readonly timeoutSeconds: number;
  constructor(timeoutSeconds: number) {
    this.timeoutSeconds = timeoutSeconds;
  }
}

/** A task of a workflow that is its own code. */
export type TaskFunction<Input, Parents, Result> = (
  context: TaskContext<Input, Parents>,
) => Promise<Result | WaitForCompletion> | Result | WaitForCompletion;

/** A task's own code as it is called: which input and parents it expects was checked when it was written. */
export type AnyTaskFunction = TaskFunction<JsonValue, Readonly<Record<string, unknown>>, unknown>;

/** Makes the idempotency key of a call: calls of the same text are the same call. */
export type KeyFunction<Input = JsonValue> = (input: Input) => string;

/** A built-in task with its parameters: plain data, so it is pinned with the definition. */
export interface TaskSpec<Result> {
  readonly type: string;
  readonly with: JsonObject;
  /** Never set: carries the type of the result. */
  readonly result?: Result;
}

/** A kind of task that workflows use by name. */
export interface TaskType<Parameters = unknown, Result = unknown> {
  readonly type: string;
  readonly summary: string;
  readonly parameters: z.ZodType<Parameters>;
  /**
   * The parameters in which `{{ secrets.NAME }}` may stand. `run` is given them with marks, and puts the secrets in.
   */
  readonly secretParameters?: readonly string[];
  /** The parameters that hold SQL, in whose text no template belongs. */
  readonly sqlParameters?: readonly string[];
  /** Secrets that stand in parameters as they were written, where a reference belongs. */
  findLiteralSecrets?(parameters: JsonObject): readonly LiteralSecret[];
  run(context: TaskContext, parameters: Parameters, secrets: SecretRedactor): Promise<Result>;
  /**
   * Ends what the task has started elsewhere. Called when its batch is cancelled, perhaps more than once, perhaps before
   * anything was started.
   */
  cancel?(context: CancelContext, parameters: Parameters): Promise<void>;
}

/** What a task that is cancelled is known by. */
export interface CancelContext {
  readonly batchId: string;
  readonly taskId: string;
  /** That of the run that is cancelled. */
  readonly idempotencyKey: string;
  readonly services: Services;
  readonly log: Logger;
  /** What a step of the task has stored. */
  stored(step: string): Promise<JsonValue | undefined>;
}
