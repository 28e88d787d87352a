/**
 * What becomes of a message whose handling met the error:
 * `dead-letter` — it can never succeed as it is: keep it, show it, acknowledge it;
 * `retry` — it may succeed later: redeliver it with back-off;
 * `none` — the error does not come out of message handling.
 */
export type Disposition = "dead-letter" | "retry" | "none";

interface ErrorEntry {
  readonly disposition: Disposition;
  readonly remedy: string;
}

function entry(disposition: Disposition, remedy: string): ErrorEntry {
  return { disposition, remedy };
}

/** Every error a user can meet: its code, what becomes of its message, and what to do about it. */
export const errorCatalog = {
  // What arrives at the entry
  BODY_NOT_JSON: entry("dead-letter", "Send a JSON body with content-type application/json."),
  BODY_NOT_BASE64: entry("dead-letter", "Pub/Sub message data must be base64 of a JSON document."),
  BODY_NOT_AN_EVENT: entry(
    "dead-letter",
    "Send { batchId, taskId } or { workflowId, input }, a Pub/Sub push, or a CloudEvent; see docs/messages.md.",
  ),
  NUMBER_NOT_EXACT: entry(
    "dead-letter",
    "Send the number as a text, in quotes: JSON's numbers are held as doubles. An `http` task takes `largeNumbers: text`.",
  ),
  BODY_TOO_LARGE: entry("none", "Put large data in the bucket and send its name."),
  BODY_UNSIZED: entry("none", "Send a Content-Length header; chunked bodies are not accepted."),
  BODY_ENCODED: entry("none", "Send the body without content-encoding."),
  ORIGIN_REFUSED: entry("none", "Web pages of others may not send messages; post without a browser."),
  CALLER_REFUSED: entry(
    "none",
    "Send a Google-signed OIDC token of an account in BATON_CALLERS, for the audience BATON_AUDIENCE.",
  ),
  METHOD_NOT_ALLOWED: entry("none", "Use POST."),
  EVENT_TYPE_UNKNOWN: entry(
    "dead-letter",
    "Only Pub/Sub messages and finalized Cloud Storage objects are handled.",
  ),

  // What a message names
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
  INPUT_INVALID: entry("dead-letter", "Correct the input; the workflow's input schema says what it takes."),
  INPUT_TOO_LARGE: entry("dead-letter", "Put large data in the bucket and pass its name."),
  ITEMS_INVALID: entry("none", "Correct the lines that are named, or leave them out with --skip-invalid."),
  DELIVERY_EXHAUSTED: entry(
    "dead-letter",
    "Mend the cause named in it, then `baton replay <deadLetterId>`, or `baton replay --code DELIVERY_EXHAUSTED` for all.",
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
    "The file throws when it is loaded: run `baton validate` after mending it.",
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

  // Running tasks
  TASK_FAILED: entry("none", "See the message and the task's own code."),
  TASK_TIMEOUT: entry("none", "Raise the task's timeout, or split its work."),
  TASK_ERROR_UNCAUGHT: entry("none", "Catch what the timers and event handlers of the task's code throw."),
  TASK_LOST_TOO_OFTEN: entry(
    "none",
    "The worker died each time it ran this task; look for memory or native crashes.",
  ),
  TASK_CODE_MISSING: entry(
    "none",
    "Put the file of the workflow into the folder of the process that runs tasks, with the task in it, or deploy it: `baton start` sees it within seconds. If the task has ended by then, `baton retry`.",
  ),
  TASK_PARAMETERS_INVALID: entry("none", "Correct the task's parameters in the workflow."),
  TASK_RESULT_NOT_JSON: entry(
    "none",
    "Return plain JSON: objects, arrays, strings, finite numbers, booleans, null.",
  ),
  TASK_RESULT_TOO_LARGE: entry("none", "Write large data to the object store and return its name."),
  NOT_A_PARENT: entry("none", "A task sees only the results of the tasks it names in `after`."),
  TEMPLATE_INVALID: entry(
    "none",
    "Use {{ input.name }}, {{ parents.task.name }}, {{ secrets.NAME }} or {{ batchId }} with names that exist; {{ '{{' }} is two braces as they stand.",
  ),
  EVENT_TIMEOUT: entry("none", "No completion came in time; publish it earlier or raise the timeout."),

  IDEMPOTENCY_KEY_INVALID: entry(
    "none",
    "Make the key from fields that every call has; see docs/idempotency.md.",
  ),
  STEP_NESTED: entry(
    "none",
    "Let steps and waits follow each other in the task itself, none within another.",
  ),
  STEP_REPEATED: entry(
    "none",
    "Give each step of a task its own name; in a loop, put the item's id into it.",
  ),
  STEP_NAME_INVALID: entry("none", "Name a step by 1–200 characters."),
  POLL_TIMEOUT: entry("none", "What was polled for did not come in time; raise the timeout or look into it."),
  ALL_ITEMS_FAILED: entry("none", "Every item failed; the errors of the TaskLog say how."),
  EXECUTION_UNKNOWN: entry("none", "List the keys with `baton inspect locks` and `baton inspect results`."),
  EXECUTION_LOCKED: entry(
    "none",
    "Wait until its holder is done; if that is gone for good, free the lock with `baton unlock <key>` first.",
  ),
  TASK_ENDED: entry("none", "A task that has ended keeps its outcome; see `baton show <batchId>`."),
  CALLBACK_URL_INVALID: entry("none", "Give the callback an http or https URL."),
  CALLBACK_UNKNOWN: entry("none", "See `baton explain <key>`: a call has one once it has ended."),

  // Built-in tasks
  FILE_MISSING: entry("none", "The file is no longer where the event said; drop it again."),
  FILE_CHANGED: entry(
    "none",
    "The file changed after it was dropped; the new content has a batch of its own.",
  ),
  FILE_BEING_MOVED: entry(
    "retry",
    "Another workflow that the same drop has started is archiving the file; it is tried again.",
  ),
  FILE_DENIED: entry("none", "Let the user that Baton runs as read and write the file and its folder."),
  OBJECT_NAME_INVALID: entry(
    "none",
    "Name objects by a path inside the bucket, such as sales/may.csv; links may not lead out of it.",
  ),
  OBJECTS_UNAVAILABLE: entry("retry", "Cloud Storage could not be reached; it is tried again."),
  OBJECTS_REFUSED: entry("none", "Cloud Storage refuses the request; the message says why."),
  FILE_EMPTY: entry("none", "Send a file with at least one row; a CSV file also needs a header."),
  FILE_UNREADABLE: entry("none", "Correct what the message names, then drop the file again."),
  FILE_FORMAT_UNKNOWN: entry("none", 'Set the format: "csv", "jsonl" or "parquet".'),
  SQL_FAILED: entry("none", "Correct the SQL; the message names the place."),
  TABLE_MISMATCH: entry("none", "Make the file's columns fit the table, or load with mode replace."),
  QUERY_TOO_EXPENSIVE: entry(
    "none",
    "Let the query read fewer columns or partitions, or raise maximumBytesBilled.",
  ),
  WAREHOUSE_DENIED: entry(
    "none",
    "Grant the service account roles/bigquery.jobUser, roles/bigquery.dataEditor and read access to the bucket.",
  ),
  WAREHOUSE_JOB_STOPPED: entry(
    "none",
    "Somebody stopped the job in the warehouse; `baton retry` begins it anew.",
  ),
  HTTP_STATUS: entry("none", "The remote service refused the request; see its answer in the message."),
  HTTP_FAILED: entry("none", "The remote service could not be reached; it is tried again."),
  HTTP_ADDRESS_REFUSED: entry(
    "none",
    "The address is private, loopback or metadata. Set BATON_HTTP_ALLOW_PRIVATE=true if that is intended.",
  ),
  SERVICE_NOT_CONFIGURED: entry("none", "Set the environment variables that the message names."),
  DATAFORM_COMPILATION_FAILED: entry("none", "Correct the files that the message names, and push them."),
  DATAFORM_FAILED: entry("none", "See the errors of the TaskLog: which actions failed, and why."),
  DATAFORM_DENIED: entry(
    "none",
    "Grant Baton's service account roles/dataform.editor, or run `gcloud auth application-default login`.",
  ),
  DATAFORM_REFUSED: entry("none", "Correct the parameters; the message holds Dataform's answer."),
  DATAFORM_UNAVAILABLE: entry("none", "Dataform could not be reached, or asks to wait; it is tried again."),
  POWER_BI_REFRESH_FAILED: entry("none", "See the refresh history of the semantic model in Power BI."),
  POWER_BI_REFRESH_LIMIT: entry(
    "none",
    "Wait until the first of the last 24 hours' refreshes is a day old, schedule fewer, or use a Premium capacity.",
  ),
  POWER_BI_DENIED: entry(
    "none",
    "Check tenant, client id and secret; let service principals use the Power BI APIs; add it to the workspace.",
  ),
  POWER_BI_DATASET_UNKNOWN: entry(
    "none",
    "Check the ids of workspace and dataset; both stand in its address.",
  ),
  POWER_BI_REFUSED: entry("none", "Correct the parameters; the message holds Power BI's answer."),
  POWER_BI_UNAVAILABLE: entry("none", "Power BI could not be reached, or asks to wait; it is tried again."),

  // Callbacks
  CALLBACK_SECRET_MISSING: entry(
    "retry",
    "Set BATON_CALLBACK_SECRET, or let Baton write and read callback-secret in its data folder.",
  ),
  CALLBACK_PAGES_MISSING: entry("none", "Keep the pages until all have come; join them then."),
  CALLBACK_PAGES_INVALID: entry(
    "none",
    "Verify each body's signature as it came, and join the pages of one event only.",
  ),

  // The machine
  STORE_READ_ONLY: entry(
    "retry",
    "Make the data folder and its files writable for this user, or set BATON_DATA.",
  ),
  STORE_DISK_FULL: entry("retry", "Free disk space; nothing acknowledged was lost."),
  STORE_CORRUPT: entry("retry", "Restore the database file from a backup, or move it away to begin anew."),
  STORE_LOCKED: entry("retry", "Another process holds the database; stop it or wait."),
  STORE_FAILED: entry("retry", "See the message; the work is tried again."),
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
  BROKER_FAILED: entry("retry", "Pub/Sub did not take the messages; they are published again."),
  BROKER_DENIED: entry("retry", "Grant roles/pubsub.publisher on the topic; `baton doctor` checks it."),
  TOPIC_MISSING: entry(
    "retry",
    "Create the topic of this queue with its subscription; `baton doctor` names all.",
  ),
  TIMER_FAILED: entry("retry", "Cloud Tasks did not take the task; it is created again."),
  TIMER_DENIED: entry(
    "retry",
    "Grant roles/cloudtasks.enqueuer and roles/cloudtasks.viewer on the queue and roles/iam.serviceAccountUser on the account; `baton doctor` checks it.",
  ),
  TIMER_MISSING: entry("retry", "Create the Cloud Tasks queue; `baton doctor` says how."),
  QUEUE_FAILED: entry("retry", "Cloud Tasks did not take the messages; they are published again."),
  QUEUE_DENIED: entry(
    "retry",
    "Grant roles/cloudtasks.enqueuer and roles/cloudtasks.viewer on the queue and roles/iam.serviceAccountUser on the account of BATON_CALLERS; `baton doctor` checks it.",
  ),
  QUEUE_MISSING: entry(
    "retry",
    "Make it: `baton deploy` with the same BATON_QUEUES. Or take the queue out of BATON_QUEUES.",
  ),
  WAREHOUSE_LOCKED: entry("none", "Another process holds the warehouse file; it is tried again."),
  WAREHOUSE_FAILED: entry("none", "Check the warehouse, or its file, folder and disk; it is tried again."),
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
    "Set BATON_TASK_SECRET_<NAME>, and write {{ secrets.NAME }} in the place of the secret.",
  ),
  DEPLOY_TOOL_MISSING: entry("none", "Install what the message names, or see `baton deploy --dry-run`."),
  DEPLOY_BUILD_STALE: entry("none", "Do what the message says: only what was built and tested is deployed."),
  DEPLOY_NOTHING: entry("none", "Put a workflow into the folder of BATON_WORKFLOWS."),
  DEPLOY_SECRET_MISSING: entry(
    "none",
    "Set the variable for this command, or add a version with the command in the message, by standard input.",
  ),
  DEPLOY_WOULD_DELETE: entry(
    "none",
    "Give the same --project, --region, --prefix and --variables as ever. If it is meant, run the command that is named; before a queue of BATON_QUEUES goes, baton deploy --skip-infra.",
  ),
  DEPLOY_VARIABLES_FORGOTTEN: entry(
    "none",
    "Give --variables the file that the message names, or --variables /dev/null to deploy without one.",
  ),
  DEPLOY_STATE_MISSING: entry(
    "none",
    "Bring the state of the deployment: infra/backend.tf, or infra/terraform.tfstate.d of the machine that deployed; infra/README.md#state. If the function is another's, choose another --prefix or --function; if it alone is left, `baton deploy --destroy --skip-infra` deletes it.",
  ),
  DEPLOY_FAILED: entry(
    "none",
    "Mend what the command's own output names, and deploy again: what is there already stays.",
  ),
  PORT_IN_USE: entry("none", "Stop the other program or choose another with --port."),
  CONFIGURATION_INVALID: entry("none", "Correct the variables or options that the message names."),
  USAGE: entry("none", "See `baton --help`."),
  SHUTTING_DOWN: entry("retry", "The process is stopping; the work goes on elsewhere or after the restart."),
  STRAY_EXCEPTION: entry(
    "none",
    "Look for a timer or event handler, in a workflow file or a module that it imports, that throws; BATON_DEBUG=1 shows where.",
  ),
  INTERNAL: entry("retry", "This is a defect in Baton: please report it with the message."),
} as const satisfies Readonly<Record<string, ErrorEntry>>;

export type ErrorCode = keyof typeof errorCatalog;

/** What to do about an error of this code; undefined for a code of a task's own. */
export function remedyOf(code: string): string | undefined {
  const entries: Readonly<Record<string, ErrorEntry>> = errorCatalog;
  return Object.hasOwn(entries, code) ? entries[code]?.remedy : undefined;
}
