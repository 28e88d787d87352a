/**
 * What happens to a message whose handler throws the error:
 * `dead-letter`: it can never succeed as it is. It is stored as a dead letter and acknowledged.
 * `retry`: it may succeed later. It is redelivered with back-off.
 * `none`: no message handler throws this error.
 */
export type Disposition = "dead-letter" | "retry" | "none";

export interface ErrorEntry {
  readonly disposition: Disposition;
  readonly remedy: string;
}

export function entry(disposition: Disposition, remedy: string): ErrorEntry {
  return { disposition, remedy };
}

/** Errors of running tasks, of the built-in task types, and of callbacks. */
export const taskErrors = {
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
    "Use {{ input.name }}, {{ parents.task.name }}, {{ secrets.NAME }} or {{ batchId }} with names that exist; {{ '{{' }} is two literal braces.",
  ),
  EVENT_TIMEOUT: entry("none", "No completion came in time; publish it earlier or raise the timeout."),

  IDEMPOTENCY_KEY_INVALID: entry(
    "none",
    "Make the key from fields that every call has; see docs/idempotency.md.",
  ),
  STEP_NESTED: entry(
    "none",
    "Call steps and waits one after another in the task itself, never inside a step.",
  ),
  STEP_REPEATED: entry(
    "none",
    "Give each step of a task its own name; in a loop, put the item's id into it.",
  ),
  STEP_NAME_INVALID: entry("none", "Name a step by 1–200 characters."),
  POLL_TIMEOUT: entry(
    "none",
    "The polled condition was not met in time; raise the timeout or check the other system.",
  ),
  ALL_ITEMS_FAILED: entry("none", "Every item failed; see the errors of the TaskLog."),
  EXECUTION_UNKNOWN: entry("none", "List the keys with `baton inspect locks` and `baton inspect results`."),
  EXECUTION_LOCKED: entry(
    "none",
    "Wait until its holder is done; if the holder is dead, free the lock with `baton unlock <key>` first.",
  ),
  TASK_ENDED: entry("none", "A task that has ended keeps its outcome; see `baton show <batchId>`."),
  CALLBACK_URL_INVALID: entry("none", "Give the callback an http or https URL."),
  CALLBACK_UNKNOWN: entry("none", "See `baton explain <key>`: a call has one once it has ended."),

  // Built-in tasks
  FILE_MISSING: entry("none", "The file is no longer where the event said; drop it again."),
  FILE_CHANGED: entry("none", "The file changed after it was dropped; the new content has its own batch."),
  FILE_BEING_MOVED: entry(
    "retry",
    "Another workflow started by the same drop is archiving the file; it is retried.",
  ),
  FILE_DENIED: entry("none", "Let the user that Baton runs as read and write the file and its folder."),
  OBJECT_NAME_INVALID: entry(
    "none",
    "Name objects by a path inside the bucket, such as sales/may.csv; links may not lead out of it.",
  ),
  OBJECTS_UNAVAILABLE: entry("retry", "Cloud Storage could not be reached; it is retried."),
  OBJECTS_REFUSED: entry("none", "Cloud Storage refuses the request; the message says why."),
  FILE_EMPTY: entry("none", "Send a file with at least one row; a CSV file also needs a header."),
  FILE_UNREADABLE: entry("none", "Correct the file as the message says, then drop it again."),
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
    "The job was stopped in the warehouse; `baton retry` starts it again.",
  ),
  HTTP_STATUS: entry("none", "The remote service refused the request; see its answer in the message."),
  HTTP_FAILED: entry("none", "The remote service could not be reached; it is retried."),
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
  DATAFORM_UNAVAILABLE: entry("none", "Dataform could not be reached, or asks to wait; it is retried."),
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
    "Check the ids of workspace and dataset; both are in the URL of the model.",
  ),
  POWER_BI_REFUSED: entry("none", "Correct the parameters; the message holds Power BI's answer."),
  POWER_BI_UNAVAILABLE: entry("none", "Power BI could not be reached, or asks to wait; it is retried."),

  // Callbacks
  CALLBACK_SECRET_MISSING: entry(
    "retry",
    "Set BATON_CALLBACK_SECRET, or let Baton write and read callback-secret in its data folder.",
  ),
  CALLBACK_PAGES_MISSING: entry("none", "Keep the pages until all have come; join them then."),
  CALLBACK_PAGES_INVALID: entry(
    "none",
    "Verify the signature of each raw body, and join only the pages of one event.",
  ),
} as const satisfies Readonly<Record<string, ErrorEntry>>;
