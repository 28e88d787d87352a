import * as z from "zod";
import { actions } from "../app/actions.ts";
import type { App } from "../app/app.ts";
import { follow } from "../app/batch-control.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { EventMessageSchema, StartMessageSchema } from "../core/messages.ts";
import { encodeJson, type JsonValue } from "../core/values/json.ts";
import type { BatchView, TaskView } from "../core/views/views.ts";
import type { Workflow } from "../workflow/builder.ts";
import type { GivenInput } from "../workflow/workflow.ts";

export interface ClientOptions {
  /** The variables that configure it, as they configure the command. Default: those of the process. */
  readonly environment?: RawEnvironment;
  /**
   * Whether this process also runs tasks of the data folder, with no server beside it. Schedules and dropped files
   * start nothing in it. Only for the embedded engine. Default false.
   */
  readonly work?: boolean;
}

export interface ClientStartOptions {
  /** A start with the same key finds the same batch. */
  readonly key?: string;
}

/** The result of each task. Null for a task that was skipped. */
export type BatchResults<Tasks> = { readonly [Id in keyof Tasks]: Tasks[Id] | null };

type AnyTasks = Readonly<Record<string, JsonValue>>;

/** A batch, whether it runs or has ended. `Tasks` maps the ids of its tasks to their results. */
export interface BatchHandle<Tasks = AnyTasks> {
  readonly batchId: string;
  /**
   * Waits until the batch has ended, and returns the results of its tasks. Throws `BATCH_FAILED`, which names the task
   * that failed, `BATCH_CANCELLED`, `BATCH_UNKNOWN`, `CLIENT_CLOSED`.
   */
  result(): Promise<BatchResults<Tasks>>;
  /** The batch and its tasks as `baton show --json` prints them. Throws `BATCH_UNKNOWN`. */
  status(): Promise<BatchView>;
  /** Cancels the batch, and waits until it has ended. Throws `BATCH_UNKNOWN`, `CLIENT_CLOSED`. */
  cancel(): Promise<BatchView>;
  /** Sends an event to the tasks that wait for it, now or later. The first of a name counts. */
  event(name: string, payload?: JsonValue): Promise<void>;
  /**
   * Ends a task that waits for its completion. A task that does not wait yet gets it when it does. Throws
   * `TASK_UNKNOWN`, `TASK_ENDED`.
   */
  complete(taskId: keyof Tasks & string, result?: JsonValue): Promise<TaskView>;
}

/** Starts batches and follows them from a program of one's own, as the command does. */
export interface Client extends AsyncDisposable {
  /**
   * Starts a batch. Resolves when it is stored. Throws `WORKFLOW_UNKNOWN`, `INPUT_INVALID`, `INPUT_TOO_LARGE`.
   */
  start<Input = JsonValue, Tasks = AnyTasks>(
    workflow: Workflow<Input, Tasks> | string,
    input?: GivenInput<Input>,
    options?: ClientStartOptions,
  ): Promise<BatchHandle<Tasks>>;
  /** A batch by its id. Does not read it. */
  batch(batchId: string): BatchHandle;
  /** Ends the waits for results, and closes files and connections. */
  close(): Promise<void>;
}

/**
 * Opens a client of the engine that `BATON_ENGINE` selects. On the embedded engine it shares the data folder with a
 * running server. Throws the errors of the configuration, and `USAGE` for `work` on Google Cloud.
 */
export async function createClient({
  environment = process.env,
  work = false,
}: ClientOptions = {}): Promise<Client> {
  // Workflow files import this module, too, and must not load the engine.
  const { openForCommand } = await import("../app/open.ts");
  const { app } = await openForCommand(environment, { creates: true, logOutput: undefined });
  if (work && app.configuration.engine === "gcp") {
    await app.close();
    throw new BatonError("USAGE", "On Google Cloud the deployed function runs the tasks", {
      remedy: "Create the client without `work`.",
    });
  }
  if (work) app.work.start({ triggers: false });
  return new OpenClient(app);
}

class OpenClient implements Client {
  readonly #app: App;
  readonly #closing = new AbortController();
  readonly #calls = new Set<Promise<unknown>>();
  #closed: Promise<void> | undefined;

  constructor(app: App) {
    this.#app = app;
  }

  async start<Tasks>(
    workflow: string | { readonly id: string },
    input?: unknown,
    { key }: ClientStartOptions = {},
  ): Promise<BatchHandle<Tasks>> {
    const message = parse(StartMessageSchema, {
      kind: "start",
      workflowId: typeof workflow === "string" ? workflow : workflow.id,
      ...(input !== undefined && { input: toJson(input, "The input", Number.POSITIVE_INFINITY) }),
      ...(key !== undefined && { key }),
    });
    const { batchId } = await this.#call((app) => actions.run.perform(app, message));
    return this.#handle(batchId);
  }

  batch(batchId: string): BatchHandle {
    return this.#handle(batchId);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#closing.abort();
    await Promise.allSettled(this.#calls);
    await this.#app.close();
  }

  /** Calls under way use files and connections: closing waits for them. */
  async #call<T>(use: (app: App) => Promise<T>): Promise<T> {
    if (this.#closing.signal.aborted) throw closedError();
    const call = use(this.#app);
    this.#calls.add(call);
    try {
      return await call;
    } finally {
      this.#calls.delete(call);
    }
  }

  #handle<Tasks>(batchId: string): BatchHandle<Tasks> {
    return {
      batchId,
      result: () => this.#call((app) => this.#result<Tasks>(app, batchId)),
      status: () => this.#call(({ engine }) => engine.admin.show(batchId)),
      cancel: () => this.#call((app) => this.#cancel(app, batchId)),
      event: (name, payload = null) => this.#call((app) => sendEvent(app, batchId, name, payload)),
      complete: (taskId, result = null) =>
        this.#call(async (app) => {
          const completion = { result: toJson(result, "The result") };
          return actions.complete.perform(app, { batchId, taskId, completion });
        }),
    };
  }

  async #ended(app: App, batchId: string): Promise<BatchView> {
    await follow(app, batchId, { stop: this.#closing.signal, onChange: undefined });
    const view = await app.engine.admin.show(batchId);
    if (view.status === "RUNNING") throw closedError();
    return view;
  }

  async #result<Tasks>(app: App, batchId: string): Promise<BatchResults<Tasks>>;
  async #result(app: App, batchId: string): Promise<BatchResults<AnyTasks>> {
    const view = await this.#ended(app, batchId);
    if (view.status !== "SUCCESS") throw endingError(view);
    const results = await app.engine.admin.results(batchId);
    return Object.fromEntries(view.tasks.map(({ taskId }) => [taskId, results.get(taskId) ?? null]));
  }

  async #cancel(app: App, batchId: string): Promise<BatchView> {
    await actions.cancel.perform(app, { batchId });
    return this.#ended(app, batchId);
  }
}

async function sendEvent(app: App, batchId: string, event: string, payload: JsonValue): Promise<void> {
  // First, so that a malformed id is reported as an unknown batch.
  await app.engine.admin.status(batchId);
  const sent = { batchId, event, payload: toJson(payload, "The payload") };
  parse(EventMessageSchema, { kind: "event", ...sent });
  await actions.event.perform(app, sent);
}

function parse<Message>(schema: z.ZodType<Message>, message: unknown): Message {
  const { data, error } = schema.safeParse(message);
  if (error)
    throw new BatonError("USAGE", z.prettifyError(error), { remedy: "Correct the call of the client." });
  return data;
}

function toJson(value: unknown, name: string, mostBytes: number = limits.resultBytes): JsonValue {
  const encoded = encodeJson(value);
  const remedy = "Pass a JSON value, and store large data in a bucket.";
  if (!encoded.ok)
    throw new BatonError("USAGE", `${name} is not JSON: ${encoded.path}: ${encoded.problem}`, { remedy });
  if (encoded.bytes > mostBytes) {
    const size = `${name} has ${encoded.bytes} bytes; at most ${mostBytes} are allowed`;
    throw new BatonError("USAGE", size, { remedy });
  }
  return JSON.parse(encoded.text);
}

/** Names the task that failed first. */
function endingError({ batchId, workflowId, status, tasks }: BatchView): BatonError {
  const batch = `Batch ${batchId} of workflow ${workflowId}`;
  if (status === "CANCELLED")
    return new BatonError("BATCH_CANCELLED", `${batch} was cancelled`, { details: { batchId } });
  const [first] = tasks
    .filter((task) => task.status === "ERROR")
    .sort((one, other) => (one.endedAt ?? "").localeCompare(other.endedAt ?? ""));
  const error = first?.error ? `: task ${first.taskId}: ${first.error.code}: ${first.error.message}` : "";
  return new BatonError("BATCH_FAILED", `${batch} failed${error}`, {
    details: { batchId, ...(first && { taskId: first.taskId, code: first.error?.code ?? null }) },
  });
}

function closedError(): BatonError {
  return new BatonError("CLIENT_CLOSED", "The client was closed");
}
