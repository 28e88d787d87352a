import type { Completion } from "../core/messages.ts";
import type { JsonValue } from "../core/values/json.ts";
import { quoteForShell } from "../core/values/text.ts";
import type { TaskView } from "../core/views/views.ts";
import type { ReceivedEvent } from "../engine/events.ts";
import type { Started } from "../engine/start/start-batch.ts";
import type { App } from "./app.ts";
import { completeTask } from "./batch-control.ts";
import type { PublishOptions, PublishResult } from "./publish.ts";

/** Something that a person does to Baton. A command and a button of the console are two ways to the same call. */
interface Action<Arguments, Outcome> {
  /** The words after `baton` that do it. */
  readonly words: (given: Arguments) => readonly string[];
  /** What is done is durable when it returns. */
  readonly perform: (app: ActingApp, given: Arguments) => Promise<Outcome>;
}

type ActingApp = Pick<App, "engine" | "broker" | "deliveries" | "configuration">;

interface OfBatch {
  readonly batchId: string;
}

interface OfKey {
  readonly key: string;
}

/** A start: without a key, each call starts another batch. */
const run: Action<
  {
    readonly workflowId: string;
    readonly input?: JsonValue | undefined;
    readonly key?: string | undefined;
  },
  Started
> = {
  words: ({ workflowId, input, key }) => [
    "run",
    workflowId,
    ...(input === undefined ? [] : ["--input", JSON.stringify(input)]),
    ...(key === undefined ? [] : ["--key", key]),
  ],
  perform: ({ engine }, given) => engine.durably(() => engine.start({ ...given, kind: "start" })),
};

const retry: Action<OfBatch, Started> = {
  words: ({ batchId }) => ["retry", batchId],
  perform: ({ engine }, { batchId }) => engine.durably(() => engine.retry(batchId)),
};

/**
 * On Google Cloud the function cancels: the user may have no permission to cancel the jobs of the tasks. `here`: this
 * process does it all the same.
 */
const cancel: Action<OfBatch & { readonly here?: boolean }, void> = {
  words: ({ batchId, here }) => ["cancel", batchId, ...(here ? ["--here"] : [])],
  perform: ({ engine, configuration }, { batchId, here }) =>
    configuration.engine === "gcp" && !here ? engine.requestCancel(batchId) : engine.cancel(batchId),
};

const complete: Action<OfBatch & { readonly taskId: string; readonly completion: Completion }, TaskView> = {
  words: ({ batchId, taskId, completion }) => [
    "complete",
    batchId,
    taskId,
    ...("error" in completion
      ? ["--error", completion.error]
      : ["--result", JSON.stringify(completion.result)]),
  ],
  perform: ({ engine }, { completion, ...task }) => completeTask(engine, task, completion),
};

const event: Action<OfBatch & { readonly event: string; readonly payload: JsonValue }, ReceivedEvent> = {
  words: ({ batchId, event, payload }) => ["event", batchId, event, "--payload", JSON.stringify(payload)],
  perform: async ({ engine }, given) => {
    const { EventMessageSchema } = await import("../core/messages.ts");
    const message = EventMessageSchema.parse({ kind: "event", ...given });
    return engine.durably(() => engine.receiveEvent(message));
  },
};

const replay: Action<{ readonly deadLetterId: string } & Partial<PublishOptions>, PublishResult> = {
  words: ({ deadLetterId, isUnchecked }) => ["replay", deadLetterId, ...(isUnchecked ? ["--unchecked"] : [])],
  perform: async (app, { deadLetterId, isUnchecked = false }) => {
    const { replayDeadLetter } = await import("./publish.ts");
    return replayDeadLetter(app, deadLetterId, { isUnchecked });
  },
};

const resend: Action<{ readonly eventId: string }, void> = {
  words: ({ eventId }) => ["resend", "--event", eventId],
  perform: async ({ engine }, { eventId }) => {
    await engine.admin.callbacks.resend(eventId);
  },
};

/** False: the key was not locked. */
const unlock: Action<OfKey, boolean> = {
  words: ({ key }) => ["unlock", key],
  perform: ({ engine }, { key }) => engine.admin.executions.unlock(key),
};

/** False: the key is locked, and nothing was cleared. */
const clearResult: Action<OfKey, boolean> = {
  words: ({ key }) => ["clear-result", key],
  perform: ({ engine }, { key }) => engine.admin.executions.clearResult(key),
};

/** Everything that commands and the console change. */
export const actions = {
  run,
  retry,
  cancel,
  complete,
  event,
  replay,
  resend,
  unlock,
  "clear-result": clearResult,
};
export type ActionName = keyof typeof actions;

/** The command to copy into a shell. */
export function commandText(words: readonly string[]): string {
  return ["baton", ...words].map(quoteForShell).join(" ");
}
