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
  TASK_FAILED: entry("none", "Read the message, which is from the task's own code, and correct that code."),
  TASK_TIMEOUT: entry("none", "Raise the task's timeout, or split its work."),
  TASK_ERROR_UNCAUGHT: entry(
    "none",
    "Catch the error in the timer or event handler of the task's code that throws it.",
  ),
  TASK_LOST_TOO_OFTEN: entry(
    "none",
    "Look for memory that runs out or a native crash: the worker died at each attempt of this task.",
  ),
  TASK_CODE_MISSING: entry(
    "none",
    "Add the task to the workflow file in the folder of the process that runs tasks, or deploy the " +
      "workflow. `baton start` loads it within seconds. If the task has ended by then, run " +
      "`baton retry`.",
  ),
  TASK_PARAMETERS_INVALID: entry("none", "Correct the task's parameters in the workflow."),
  TASK_RESULT_NOT_JSON: entry(
    "none",
    "Return plain JSON: objects, arrays, strings, finite numbers, booleans, null.",
  ),
  TASK_RESULT_TOO_LARGE: entry("none", "Write large data to the object store and return its name."),
  NOT_A_PARENT: entry("none", "Name the task in `after`: a task sees only the results of its parents."),
  TEMPLATE_INVALID: entry(
    "none",
    "Use {{ input.name }}, {{ parents.task.name }}, {{ secrets.NAME }} or {{ batchId }} with names " +
      "that exist. Write {{ '{{' }} for two literal braces.",
  ),
  CONDITION_FAILED: entry(
    "none",
    "Correct `when` of the task: it must give true or false for every input. `has(input.name)` asks for a field " +
      "that may be missing.",
  ),
  EXPRESSION_INVALID: entry("none", "Correct the expression; docs/conditions.md shows what it may contain."),
  EXPRESSION_FAILED: entry(
    "none",
    "Correct the expression, or the values it reads. `has(input.name)` asks for a field that may be missing.",
  ),
  EXPRESSION_TOO_COSTLY: entry("none", "Use fewer loops inside each other, or decide in a task."),
  EVENT_TIMEOUT: entry("none", "Send the completion or event earlier, or raise the timeout."),

  IDEMPOTENCY_KEY_INVALID: entry(
    "none",
    "Build the key from fields that every call has; see docs/idempotency.md.",
  ),
  STEP_NESTED: entry(
    "none",
    "Call steps and waits one after another in the task itself, never inside a step.",
  ),
  STEP_REPEATED: entry(
    "none",
    "Give each step of a task a name of its own; in a loop, put the item's id into the name.",
  ),
  STEP_NAME_INVALID: entry("none", "Name the step with 1–200 characters."),
  POLL_TIMEOUT: entry(
    "none",
    "Check the other system, or raise the timeout: the condition was not met in time.",
  ),
  ALL_ITEMS_FAILED: entry(
    "none",
    "Read the errors of the TaskLog (`baton show <batchId>`): each of them names an item that failed.",
  ),
  EXECUTION_UNKNOWN: entry(
    "none",
    "Check the key: `baton inspect locks` and `baton inspect results` list all keys.",
  ),
  EXECUTION_LOCKED: entry(
    "none",
    "Wait until the task that holds the lock has ended. If its worker is dead, run " +
      "`baton unlock <key>` first.",
  ),
  TASK_ENDED: entry(
    "none",
    "Nothing to do: a task that has ended keeps its outcome, which `baton show <batchId>` shows.",
  ),
  CALLBACK_URL_INVALID: entry("none", "Give the callback an http:// or https:// URL."),
  CALLBACK_UNKNOWN: entry(
    "none",
    "Run `baton explain <key>`: it shows the calls of the key. A call has a callback once it has " + "ended.",
  ),

  // Built-in tasks
  FILE_MISSING: entry("none", "Put the file back and drop it again: it is no longer where the event said."),
  FILE_CHANGED: entry(
    "none",
    "Nothing to do: the file changed after it was dropped, and its new content starts its own batch.",
  ),
  FILE_BEING_MOVED: entry(
    "retry",
    "Wait: another workflow that the same drop started is archiving the file. Baton retries the task.",
  ),
  FILE_DENIED: entry(
    "none",
    "Give the user that Baton runs as the right to read and write the file and its folder.",
  ),
  OBJECT_NAME_INVALID: entry(
    "none",
    "Name the object by a path inside the bucket, such as sales/may.csv. A link may not lead out of " +
      "the bucket.",
  ),
  OBJECTS_UNAVAILABLE: entry(
    "retry",
    "Check that Cloud Storage can be reached if this continues. Baton retries the task.",
  ),
  OBJECTS_REFUSED: entry("none", "Read the message: it says why Cloud Storage refused the request."),
  FILE_EMPTY: entry("none", "Send a file with at least one row. A CSV file also needs a header."),
  FILE_UNREADABLE: entry("none", "Correct the file as the message says, then drop it again."),
  FILE_FORMAT_UNKNOWN: entry("none", 'Set the format: "csv", "jsonl" or "parquet".'),
  SQL_FAILED: entry("none", "Correct the SQL at the place that the message names."),
  SQL_UNSUPPORTED: entry(
    "none",
    "Write this part of the SQL in another way (docs/sql.md lists what is supported), or give a text for each " +
      "engine: { duckdb, bigquery }.",
  ),
  GOOGLESQL_PARSER_MISSING: entry("none", "Run `npm install @polyglot-sql/sdk@0.12.1` in the project."),
  TABLE_MISMATCH: entry(
    "none",
    'Make the columns of the file fit the table, or load with `mode: "replace"`.',
  ),
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
    "Run `baton retry` to start the job again: it was stopped in the warehouse.",
  ),
  HTTP_STATUS: entry(
    "none",
    "Correct the request by the response in the message: the remote service refused it.",
  ),
  HTTP_FAILED: entry(
    "none",
    "Check that the remote service can be reached if this continues. Baton retries the task.",
  ),
  HTTP_ADDRESS_REFUSED: entry(
    "none",
    "Use a public address: this one is private, loopback or metadata. To allow private ones, set " +
      "BATON_HTTP_ALLOW_PRIVATE=true.",
  ),
  DUCKDB_MISSING: entry("none", "Install it in the project: `npm install --save-dev @duckdb/node-api`."),
  SERVICE_NOT_CONFIGURED: entry("none", "Set the environment variables that the message names."),
  DATAFORM_COMPILATION_FAILED: entry(
    "none",
    "Correct the files of the repository that the message names, and push them.",
  ),
  DATAFORM_FAILED: entry(
    "none",
    "Read the errors of the TaskLog (`baton show <batchId>`): they name the actions that failed, and " +
      "why.",
  ),
  DATAFORM_DENIED: entry(
    "none",
    "Grant Baton's service account roles/dataform.editor, or run `gcloud auth application-default login`.",
  ),
  DATAFORM_REFUSED: entry("none", "Correct the parameters by Dataform's response, which is in the message."),
  DATAFORM_UNAVAILABLE: entry(
    "none",
    "Check that Dataform can be reached if this continues. Baton retries the task.",
  ),
  POWER_BI_REFRESH_FAILED: entry("none", "Read the refresh history of the semantic model in Power BI."),
  POWER_BI_REFRESH_LIMIT: entry(
    "none",
    "Wait until the oldest refresh of the last 24 hours is a day old, schedule fewer refreshes, or " +
      "use a Premium capacity.",
  ),
  POWER_BI_DENIED: entry(
    "none",
    "Check the tenant, the client id and the secret. Let service principals use the Power BI APIs, " +
      "and add this one to the workspace.",
  ),
  POWER_BI_DATASET_UNKNOWN: entry(
    "none",
    "Check the ids of the workspace and the dataset; both are in the URL of the semantic model.",
  ),
  POWER_BI_REFUSED: entry("none", "Correct the parameters by Power BI's response, which is in the message."),
  POWER_BI_UNAVAILABLE: entry(
    "none",
    "Check that Power BI can be reached if this continues. Baton retries the task.",
  ),

  // Callbacks
  CALLBACK_SECRET_MISSING: entry(
    "retry",
    "Set BATON_CALLBACK_SECRET, or let Baton write and read the file callback-secret in its data " +
      "folder.",
  ),
  CALLBACK_PAGES_MISSING: entry(
    "none",
    "Keep the pages that you have until all of them have arrived, then join them.",
  ),
  CALLBACK_PAGES_INVALID: entry(
    "none",
    "Verify the signature of each raw body, and join only the pages of one event.",
  ),
} as const satisfies Readonly<Record<string, ErrorEntry>>;
