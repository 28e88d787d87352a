import { type ErrorEntry, entry } from "./error-entry.ts";

/** Errors of the HTTP entry, of the ids in messages, and of workflows. */
export const messageErrors = {
  // The HTTP entry
  BODY_NOT_JSON: entry("dead-letter", "Send a JSON body with content-type application/json."),
  BODY_NOT_BASE64: entry("dead-letter", "Pub/Sub message data must be base64 of a JSON document."),
  BODY_NOT_AN_EVENT: entry(
    "dead-letter",
    "Send { batchId, taskId } or { workflowId, input }, a Pub/Sub push, or a CloudEvent; see docs/messages.md.",
  ),
  NUMBER_NOT_EXACT: entry(
    "dead-letter",
    "Send the number as a string, in quotes: JSON numbers are read as doubles. An `http` task takes `largeNumbers: text`.",
  ),
  BODY_TOO_LARGE: entry("none", "Put large data in the bucket and send its name."),
  BODY_UNSIZED: entry("none", "Send a Content-Length header; chunked bodies are not accepted."),
  BODY_ENCODED: entry("none", "Send the body without content-encoding."),
  ORIGIN_REFUSED: entry("none", "Web pages of other origins may not send messages; post without a browser."),
  CALLER_REFUSED: entry(
    "none",
    "Send a Google-signed OIDC token of an account in BATON_CALLERS, for the audience BATON_AUDIENCE.",
  ),
  METHOD_NOT_ALLOWED: entry("none", "Use POST."),
  EVENT_TYPE_UNKNOWN: entry(
    "dead-letter",
    "Only Pub/Sub messages and finalized Cloud Storage objects are handled.",
  ),

  // Ids and input in a message
  WORKFLOW_UNKNOWN: entry(
    "dead-letter",
    "List the workflows with `baton workflows`; deploy or apply it, then replay.",
  ),
  TASK_UNKNOWN: entry(
    "dead-letter",
    "Compare with `baton show <batchId>`: the batch keeps the definition it began with.",
  ),
  BATCH_UNKNOWN: entry("dead-letter", "List the batches with `baton batches`. Old batches expire."),
  BATCH_EXPIRED: entry(
    "dead-letter",
    "Documents of so old a batch may have been deleted; start a new one, or raise BATON_RETENTION.",
  ),
  DEFINITION_MISSING: entry("dead-letter", "The pinned definition is gone; start a new batch."),
  INPUT_INVALID: entry("dead-letter", "Correct the input by the workflow's input schema."),
  INPUT_TOO_LARGE: entry("dead-letter", "Put large data in the bucket and pass its name."),
  ITEMS_INVALID: entry("none", "Correct the named lines, or leave them out with --skip-invalid."),
  DELIVERY_EXHAUSTED: entry(
    "dead-letter",
    "Fix the cause named in it, then `baton replay <deadLetterId>`, or `baton replay --code DELIVERY_EXHAUSTED` for all.",
  ),
  DEAD_LETTER_UNKNOWN: entry("none", "List them with `baton dead-letters`."),
  BATCH_NOT_FINISHED: entry("none", "Wait until it has ended, or cancel it first."),
  BATCH_SUCCEEDED: entry("none", "A batch that ended SUCCESS has nothing to retry; start a new one."),

  // Workflows
  WORKFLOW_INVALID: entry("none", "Correct the workflow file; `baton validate` lists every problem."),
  WORKFLOW_CYCLE: entry("none", "Remove one of the edges of the cycle."),
  WORKFLOW_DUPLICATE: entry("none", "Give each workflow its own name."),
  WORKFLOW_NOT_EXPORTED: entry(
    "none",
    "Export it from its file: `export default workflow(…)`, or by a name. Only what a file exports can be started.",
  ),
  WORKFLOW_FILE_FAILED: entry(
    "none",
    "The file throws when it is loaded: correct it, then run `baton validate`.",
  ),
  WORKFLOW_FOLDER_MISSING: entry("none", "Create the folder or set BATON_WORKFLOWS."),
  TASK_ID_DUPLICATE: entry("none", "Give each task of a workflow its own id."),
  PARENT_UNKNOWN: entry("none", "`after` may only name tasks of the same workflow."),
  TASK_TYPE_UNKNOWN: entry("none", "Use a built-in task type; `baton validate` lists them."),
  DURATION_INVALID: entry(
    "none",
    'Write durations like "30s", "5m", "1h30m", no longer than the message says.',
  ),
  DURATION_TOO_LONG: entry("none", "Give a shorter duration; the message says how long it may be."),
  DATE_INVALID: entry(
    "none",
    'Give a Date that holds a time: write dates like "2099-12-31" or "2099-12-31T18:00:00Z".',
  ),
  NAME_INVALID: entry(
    "none",
    "Names are 1–64 letters, digits, `-` or `_`, and begin with a letter or digit.",
  ),
} as const satisfies Readonly<Record<string, ErrorEntry>>;
