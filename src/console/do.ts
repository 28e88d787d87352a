import { type ActionName, actions } from "../app/actions.ts";
import type { App } from "../app/app.ts";
import { BatonError } from "../core/errors/errors.ts";
import { hashJson, type JsonValue } from "../core/values/json.ts";
import { describeSyntaxError, findLimitViolation } from "../core/values/json-syntax.ts";
import { parseExactJson } from "../core/values/json-text.ts";
import { link, segment } from "./html.ts";
import { inputFields, inputOfForm } from "./input-form.ts";

/** Where a browser is sent after a change. */
type Perform = (app: App, form: Form) => Promise<string>;

/** The fields of a form. */
export interface Form {
  /** Throws `USAGE` if it is missing. */
  required(name: string): string;
  optional(name: string): string | undefined;
  /** Throws `USAGE` for what is not JSON; undefined if the field is empty. */
  json(name: string): JsonValue | undefined;
  /** The page with the form. */
  readonly back: string;
  /** The same whenever this form is sent again with the same content. */
  readonly once: string;
}

export function parseForm(body: URLSearchParams): Form {
  const optional = (name: string) => body.get(name)?.trim() || undefined;
  const back = optional("back") ?? "/";
  const content = [...body].filter(([name]) => name !== "token").map(([name, value]) => `${name}=${value}`);
  return {
    required(name) {
      const value = optional(name);
      if (value === undefined) throw new BatonError("USAGE", `The field ${name} is empty`);
      return value;
    },
    optional,
    json(name) {
      const text = optional(name);
      return text === undefined ? undefined : parseJsonField(text, name);
    },
    // Only a place of the console: never an address that a link has smuggled in.
    back: /^\/(?![/\\])/.test(back) ? back : "/",
    once: hashJson(content).slice(0, 32),
  };
}

function parseJsonField(text: string, name: string): JsonValue {
  const violation = findLimitViolation(Buffer.from(text));
  if (violation !== undefined) throw new BatonError("USAGE", `The field ${name} can't be read. ${violation}`);
  try {
    return parseExactJson(text, name);
  } catch (cause) {
    if (cause instanceof BatonError) throw cause;
    throw new BatonError("USAGE", `The field ${name} is not JSON: ${describeSyntaxError(text)}`, { cause });
  }
}

function done(place: string, name: ActionName): string {
  const { pathname, searchParams } = new URL(place, "http://localhost");
  return link(pathname, { ...Object.fromEntries(searchParams), done: name });
}

function batchPath(batchId: string): string {
  return `/b/${segment(batchId)}`;
}

async function inputByFields(app: App, workflowId: string, form: Form): Promise<JsonValue | undefined> {
  const workflow = await app.catalog.find(workflowId);
  const fields = workflow && inputFields(workflow);
  return fields && inputOfForm(fields, form.optional, form.json);
}

/** What each form does: the same call as the command of its name. */
export const performers: Readonly<Record<ActionName, Perform>> = {
  async run(app, form) {
    const workflowId = form.required("workflowId");
    const input = form.json("input") ?? (await inputByFields(app, workflowId, form));
    const { batchId } = await actions.run.perform(app, {
      workflowId,
      ...(input !== undefined && { input }),
      // The key makes a second click the same start, also after this server has ended.
      key: form.optional("key") ?? `console ${form.once}`,
    });
    return done(batchPath(batchId), "run");
  },
  async retry(app, form) {
    const { batchId } = await actions.retry.perform(app, { batchId: form.required("batchId") });
    return done(batchPath(batchId), "retry");
  },
  async cancel(app, form) {
    await actions.cancel.perform(app, { batchId: form.required("batchId") });
    return done(form.back, "cancel");
  },
  async complete(app, form) {
    const error = form.optional("error");
    await actions.complete.perform(app, {
      batchId: form.required("batchId"),
      taskId: form.required("taskId"),
      completion: error === undefined ? { result: form.json("result") ?? null } : { error },
    });
    return done(form.back, "complete");
  },
  async event(app, form) {
    await actions.event.perform(app, {
      batchId: form.required("batchId"),
      event: form.required("event"),
      payload: form.json("payload") ?? null,
    });
    return done(form.back, "event");
  },
  async replay(app, form) {
    const { batchId } = await actions.replay.perform(app, {
      deadLetterId: form.required("deadLetterId"),
      isUnchecked: form.optional("isUnchecked") === "yes",
    });
    return done(batchId === null ? form.back : batchPath(batchId), "replay");
  },
  async resend(app, form) {
    await actions.resend.perform(app, { eventId: form.required("eventId") });
    return done(form.back, "resend");
  },
  async unlock(app, form) {
    await actions.unlock.perform(app, { key: form.required("key") });
    return done(form.back, "unlock");
  },
  async "clear-result"(app, form) {
    const key = form.required("key");
    const isCleared = await actions["clear-result"].perform(app, { key });
    if (!isCleared) throw new BatonError("EXECUTION_LOCKED", `The key ${key} is locked: nothing was cleared`);
    return done(form.back, "clear-result");
  },
};

/** What happened, for the page that the browser is sent to. */
export const doneTexts: Readonly<Record<ActionName, string>> = {
  run: "The batch was started.",
  retry: "This is the retry: it keeps the results of the tasks that had succeeded.",
  cancel: "The cancel was accepted.",
  complete: "The completion was stored. The task ends with it once it waits for one.",
  event: "The event was sent. The first event of a name counts; later ones are dropped.",
  replay: "The message was published again.",
  resend: "The callback is being sent again.",
  unlock: "The lock was freed. If its holder still runs, its result is discarded.",
  "clear-result": "The result and its steps were deleted: the next call runs from the beginning.",
};

export function isActionName(name: string | null | undefined): name is ActionName {
  return typeof name === "string" && Object.hasOwn(performers, name);
}
