import { type ErrorEntry, entry, taskErrors } from "./task-errors.ts";

/** Errors of the HTTP entry, of the ids in messages, and of workflows. */
const messageErrors = {
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

/** Errors of the services that Baton needs, of the deployment and of the command. */
const machineErrors = {
  // The services
  STORE_READ_ONLY: entry(
    "retry",
    "Make the data folder and its files writable for this user, or set BATON_DATA.",
  ),
  STORE_DISK_FULL: entry("retry", "Free disk space; nothing acknowledged was lost."),
  STORE_CORRUPT: entry(
    "retry",
    "Restore the database file from a backup, or move it away to start with an empty one.",
  ),
  STORE_NEWER: entry("retry", "Use the version of Baton that wrote the data folder, or a later one."),
  STORE_LOCKED: entry("retry", "Another process holds the database; stop it or wait."),
  STORE_FAILED: entry("retry", "See the message; the work is retried."),
  STORE_DENIED: entry(
    "retry",
    "Grant the service account roles/datastore.user, or log in with `gcloud auth application-default login`; `baton doctor` checks it.",
  ),
  CREDENTIALS_MISSING: entry(
    "none",
    "Log in with `gcloud auth application-default login`, or correct GOOGLE_APPLICATION_CREDENTIALS.",
  ),
  STORE_REFUSED: entry("retry", "The document can't be stored as it is; the message says why."),
  STORE_INDEX_MISSING: entry(
    "retry",
    "Deploy the indexes of infra/firestore.indexes.json; see `baton doctor`.",
  ),
  STORE_MISSING: entry("retry", "Create the Firestore database; `baton doctor` says how."),
  BROKER_FAILED: entry("retry", "Pub/Sub did not accept the messages; they are published again."),
  BROKER_DENIED: entry("retry", "Grant roles/pubsub.publisher on the topic; `baton doctor` checks it."),
  TOPIC_MISSING: entry(
    "retry",
    "Create the topic of this queue with its subscription; `baton doctor` names all.",
  ),
  TIMER_FAILED: entry("retry", "Cloud Tasks did not accept the task; it is created again."),
  TIMER_DENIED: entry(
    "retry",
    "Grant roles/cloudtasks.enqueuer and roles/cloudtasks.viewer on the queue and roles/iam.serviceAccountUser on the account; `baton doctor` checks it.",
  ),
  TIMER_MISSING: entry("retry", "Create the Cloud Tasks queue; `baton doctor` says how."),
  QUEUE_FAILED: entry("retry", "Cloud Tasks did not accept the messages; they are published again."),
  QUEUE_DENIED: entry(
    "retry",
    "Grant roles/cloudtasks.enqueuer and roles/cloudtasks.viewer on the queue and roles/iam.serviceAccountUser on the account of BATON_CALLERS; `baton doctor` checks it.",
  ),
  QUEUE_MISSING: entry(
    "retry",
    "Create it: `baton deploy` with the same BATON_QUEUES. Or remove the queue from BATON_QUEUES.",
  ),
  WAREHOUSE_LOCKED: entry("none", "Another process holds the warehouse file; it is retried."),
  WAREHOUSE_FAILED: entry("none", "Check the warehouse, or its file, folder and disk; it is retried."),
  INBOX_MISSING: entry("none", "Create the folder or set BATON_INBOX to one that exists and is readable."),
  SECRET_UNAVAILABLE: entry(
    "none",
    "Let the account read it (roles/secretmanager.secretAccessor), and check that the version exists and is enabled.",
  ),
  SECRET_NOT_CONFIGURED: entry(
    "none",
    "Set BATON_TASK_SECRET_<NAME> where the task runs, to the secret or to its name in Secret Manager; then `baton retry`.",
  ),
  SECRET_IN_DEFINITION: entry(
    "none",
    "Set BATON_TASK_SECRET_<NAME>, and write {{ secrets.NAME }} instead of the secret.",
  ),
  DEPLOY_TOOL_MISSING: entry(
    "none",
    "Install the tool that the message names, or see `baton deploy --dry-run`.",
  ),
  DEPLOY_BUILD_STALE: entry("none", "Follow the message: only a build that was tested is deployed."),
  DEPLOY_NOTHING: entry("none", "Put a workflow into the folder of BATON_WORKFLOWS."),
  DEPLOY_SECRET_MISSING: entry(
    "none",
    "Set the variable for this command, or add a version with the command in the message, by standard input.",
  ),
  DEPLOY_WOULD_DELETE: entry(
    "none",
    "Give the same --project, --region, --prefix and --variables as before. If you want to delete these resources, run the command that the message names; before you delete a queue of BATON_QUEUES, run baton deploy --skip-infra.",
  ),
  DEPLOY_VARIABLES_FORGOTTEN: entry(
    "none",
    "Give --variables the file that the message names, or --variables /dev/null to deploy without one.",
  ),
  DEPLOY_STATE_MISSING: entry(
    "none",
    "Copy the state of the deployment here: infra/backend.tf, or infra/terraform.tfstate.d of the machine that deployed it; see infra/README.md#state. If the function belongs to another deployment, choose another --prefix or --function. If only the function is left, `baton deploy --destroy --skip-infra` deletes it.",
  ),
  DEPLOY_FAILED: entry(
    "none",
    "Fix the problem in the command's output, and deploy again: existing resources stay.",
  ),
  PORT_IN_USE: entry("none", "Stop the other program or choose another with --port."),
  CONFIGURATION_INVALID: entry("none", "Correct the variables or options that the message names."),
  USAGE: entry("none", "See `baton --help`."),
  SHUTTING_DOWN: entry(
    "retry",
    "The process is stopping; the work continues in another process or after the restart.",
  ),
  STRAY_EXCEPTION: entry(
    "none",
    "Look for a timer or event handler, in a workflow file or a module that it imports, that throws; BATON_DEBUG=1 shows where.",
  ),
  INTERNAL: entry("retry", "This is a defect in Baton: please report it with the message."),
} as const satisfies Readonly<Record<string, ErrorEntry>>;

/** Every error that a user can meet, by its code, with its remedy and with what happens to the message. */
export const errorCatalog = { ...messageErrors, ...taskErrors, ...machineErrors } as const;

export type ErrorCode = keyof typeof errorCatalog;

/** The remedy for an error code. Undefined for a code that a task's own code made up. */
export function remedyFor(code: string): string | undefined {
  const entries: Readonly<Record<string, ErrorEntry>> = errorCatalog;
  return Object.hasOwn(entries, code) ? entries[code]?.remedy : undefined;
}
