import { type ErrorEntry, entry, taskErrors } from "./task-errors.ts";

/** Errors of the HTTP entry, of the ids in messages, and of workflows. */
const messageErrors = {
  // The HTTP entry
  BODY_NOT_JSON: entry("dead-letter", "Send a JSON body with the content type application/json."),
  BODY_NOT_BASE64: entry(
    "dead-letter",
    "Encode the data of the Pub/Sub message as base64 of a JSON document.",
  ),
  BODY_NOT_AN_EVENT: entry(
    "dead-letter",
    "Send { batchId, taskId } or { workflowId, input }, a Pub/Sub push, or a CloudEvent; see docs/messages.md.",
  ),
  NUMBER_NOT_EXACT: entry(
    "dead-letter",
    "Send the number as a string, in quotes: JSON numbers are read as doubles, which would change it. " +
      "For the response of an `http` task, set `largeNumbers: text`.",
  ),
  KEY_REPEATED: entry(
    "dead-letter",
    "Send each key of an object once: JSON readers keep one of its values, and not all keep the same.",
  ),
  BODY_TOO_LARGE: entry("none", "Store large data in the bucket, and send the name of the object."),
  BODY_UNSIZED: entry("none", "Send a Content-Length header. Chunked bodies are not accepted."),
  BODY_ENCODED: entry("none", "Send the body without a Content-Encoding."),
  HOST_REFUSED: entry("none", "Send it to localhost, or have the server listen on an address with --host."),
  ORIGIN_REFUSED: entry(
    "none",
    "Send the message from a program. Baton accepts none from a web page of another origin.",
  ),
  CALLER_REFUSED: entry(
    "none",
    "Send an OIDC token that Google signed for an account in BATON_CALLERS, with the audience " +
      "BATON_AUDIENCE.",
  ),
  METHOD_NOT_ALLOWED: entry("none", "Send the message by POST."),
  EVENT_TYPE_UNKNOWN: entry(
    "dead-letter",
    "Send only Pub/Sub messages and events of finalized Cloud Storage objects, and remove the trigger " +
      "for others.",
  ),

  // Ids and input in a message
  WORKFLOW_UNKNOWN: entry(
    "dead-letter",
    "Deploy or apply the workflow (`baton workflows` lists those that exist), then replay the message.",
  ),
  TASK_UNKNOWN: entry(
    "dead-letter",
    "Correct the task id: `baton show <batchId>` lists the tasks of the batch. It keeps the " +
      "definition that it started with.",
  ),
  BATCH_UNKNOWN: entry(
    "dead-letter",
    "Check the id: `baton batches` lists the batches. Batches older than BATON_RETENTION are deleted.",
  ),
  BATCH_EXPIRED: entry(
    "dead-letter",
    "Start a new batch: some documents of one this old may be deleted. To keep batches longer, raise " +
      "BATON_RETENTION.",
  ),
  DEFINITION_MISSING: entry(
    "dead-letter",
    "Start a new batch: the definition that this one started with is deleted.",
  ),
  INPUT_INVALID: entry(
    "dead-letter",
    "Correct the input as the message says; the workflow's input schema decides what is valid.",
  ),
  INPUT_TOO_LARGE: entry("dead-letter", "Store large data in the bucket, and pass the name of the object."),
  ITEMS_INVALID: entry("none", "Correct the lines it names, or leave them out with --skip-invalid."),
  DELIVERY_EXHAUSTED: entry(
    "dead-letter",
    "Fix the cause that the message names, then run `baton replay <deadLetterId>`, or " +
      "`baton replay --code DELIVERY_EXHAUSTED` for all.",
  ),
  DEAD_LETTER_UNKNOWN: entry("none", "Check the id: `baton dead-letters` lists all dead letters."),
  BATCH_FAILED: entry("none", "Correct the error of the task, then run `baton retry <batchId>`."),
  BATCH_CANCELLED: entry("none", "Start a new batch, or run `baton retry <batchId>` to continue it."),
  CLIENT_CLOSED: entry("none", "Close the client after its last call."),
  BATCH_NOT_FINISHED: entry("none", "Wait until the batch has ended, or cancel it first."),
  BATCH_SUCCEEDED: entry("none", "Start a new batch: one that ended SUCCESS has nothing to retry."),

  // Workflows
  WORKFLOW_INVALID: entry("none", "Correct the workflow; `baton validate` lists every problem."),
  WORKFLOW_CYCLE: entry(
    "none",
    "Remove one edge of the cycle: delete a task id from the `after` of one of its tasks.",
  ),
  WORKFLOW_DUPLICATE: entry("none", "Give each workflow a name of its own."),
  TASK_TYPE_DUPLICATE: entry("none", "Give each task type a name of its own."),
  WORKFLOW_NOT_EXPORTED: entry(
    "none",
    "Export the workflow from its file, by `export default workflow(…)` or by name. Only exported " +
      "workflows can be started.",
  ),
  WORKFLOW_FILE_FAILED: entry(
    "none",
    "Correct the file, which throws when it is loaded, then run `baton validate`.",
  ),
  WORKFLOW_FOLDER_MISSING: entry("none", "Use a project (`baton init`), or set BATON_WORKFLOWS."),
  TASK_ID_DUPLICATE: entry("none", "Give each task of a workflow an id of its own."),
  PARENT_UNKNOWN: entry("none", "Name only tasks of the same workflow in `after`."),
  TASK_TYPE_UNKNOWN: entry("none", "Use a built-in task type, or one that a workflow file exports."),
  DURATION_INVALID: entry("none", 'Write a duration such as "30s", "5m" or "1h30m".'),
  DURATION_TOO_LONG: entry("none", "Give a shorter duration; the message names the longest one."),
  DATE_INVALID: entry(
    "none",
    'Give a valid Date, or write the time as "2099-12-31" or "2099-12-31T18:00:00Z".',
  ),
  NAME_INVALID: entry("none", "Use 1–64 letters, digits, `-` or `_`, and begin with a letter or a digit."),
} as const satisfies Readonly<Record<string, ErrorEntry>>;

/** Errors of the services that Baton needs, of the deployment and of the command. */
const machineErrors = {
  // The services
  STORE_READ_ONLY: entry(
    "retry",
    "Make the data folder and its files writable for this user, or set BATON_DATA.",
  ),
  STORE_DISK_FULL: entry("retry", "Free some disk space. Nothing that was acknowledged is lost."),
  STORE_CORRUPT: entry(
    "retry",
    "Restore the database file from a backup, or move it away to start with an empty one.",
  ),
  STORE_NEWER: entry("retry", "Use the version of Baton that wrote the data folder, or a later one."),
  STORE_LOCKED: entry("retry", "Stop the other process that holds the database, or wait until it ends."),
  STORE_FAILED: entry("retry", "Read the message: it says why the store failed. Baton retries the work."),
  STORE_DENIED: entry(
    "retry",
    "Grant the service account roles/datastore.user, or log in with " +
      "`gcloud auth application-default login`. `baton doctor` checks both.",
  ),
  CREDENTIALS_MISSING: entry(
    "none",
    "Log in with `gcloud auth application-default login`, or correct GOOGLE_APPLICATION_CREDENTIALS.",
  ),
  STORE_REFUSED: entry(
    "retry",
    "Make the data smaller or simpler as the message says: the store refuses the document in this " + "form.",
  ),
  STORE_INDEX_MISSING: entry(
    "retry",
    "Deploy the indexes of infra/firestore.indexes.json with `baton deploy --skip-function`. " +
      "`baton doctor` checks them.",
  ),
  STORE_MISSING: entry(
    "retry",
    "Create the Firestore database with `baton deploy --skip-function`. `baton doctor` checks it.",
  ),
  BROKER_FAILED: entry(
    "retry",
    "Check that Pub/Sub can be reached if this continues. Baton publishes the messages again.",
  ),
  BROKER_DENIED: entry(
    "retry",
    "Grant the service account roles/pubsub.publisher on the topic. `baton doctor` checks it.",
  ),
  TOPIC_MISSING: entry(
    "retry",
    "Create the topic of this queue and its subscription with `baton deploy --skip-function`. " +
      "`baton doctor` lists what is missing.",
  ),
  TIMER_FAILED: entry(
    "retry",
    "Check that Cloud Tasks can be reached if this continues. Baton schedules the message again.",
  ),
  TIMER_DENIED: entry(
    "retry",
    "Grant the service account roles/cloudtasks.enqueuer and roles/cloudtasks.viewer on the queue, " +
      "and roles/iam.serviceAccountUser on the account of BATON_SERVICE_ACCOUNT. `baton doctor` checks " +
      "them.",
  ),
  TIMER_MISSING: entry(
    "retry",
    "Create the Cloud Tasks queue with `baton deploy --skip-function`. `baton doctor` checks it.",
  ),
  QUEUE_FAILED: entry(
    "retry",
    "Check that Cloud Tasks can be reached if this continues. Baton sends the messages again.",
  ),
  QUEUE_DENIED: entry(
    "retry",
    "Grant the service account roles/cloudtasks.enqueuer and roles/cloudtasks.viewer on the queue, " +
      "and roles/iam.serviceAccountUser on the account of BATON_CALLERS. `baton doctor` checks them.",
  ),
  QUEUE_MISSING: entry(
    "retry",
    "Create the queue by `baton deploy` with the same BATON_QUEUES, or remove it from BATON_QUEUES.",
  ),
  WAREHOUSE_LOCKED: entry(
    "none",
    "Wait for the other process that holds the warehouse file, or stop it. Baton retries the task.",
  ),
  WAREHOUSE_FAILED: entry(
    "none",
    "Check the warehouse, or its file, folder and disk. Baton retries the task.",
  ),
  INBOX_MISSING: entry("none", "Create the folder, or set BATON_INBOX to one that exists and can be read."),
  SECRET_UNAVAILABLE: entry(
    "none",
    "Grant the account roles/secretmanager.secretAccessor on the secret, and check that this version " +
      "exists and is enabled.",
  ),
  SECRET_NOT_CONFIGURED: entry(
    "none",
    "Set BATON_TASK_SECRET_<NAME> where the task runs, to the secret or to its name in Secret " +
      "Manager. Then run `baton retry`.",
  ),
  SECRET_IN_DEFINITION: entry(
    "none",
    "Put the secret into BATON_TASK_SECRET_<NAME>, and write {{ secrets.NAME }} in its place.",
  ),
  DEPLOY_TOOL_MISSING: entry(
    "none",
    "Install the tool that the message names. To see the commands without any tool: " +
      "`baton deploy --dry-run`.",
  ),
  DEPLOY_PACKAGE_INVALID: entry(
    "none",
    "Correct what the message lists: see docs/deploy.md#what-is-deployed.",
  ),
  PROJECT_MISSING: entry("none", "Run it in a project; `baton init` makes one."),
  DEPLOY_INFRA_CHANGED: entry("none", "Move the change to a file of its own, or undo it."),
  DEPLOY_NOTHING: entry("none", "Put a workflow into the folder of the workflows."),
  DEPLOY_SECRET_MISSING: entry(
    "none",
    "Set the variable in the environment of this command, or add a version by the command in the " +
      "message, which reads the secret from standard input.",
  ),
  DEPLOY_WOULD_DELETE: entry(
    "none",
    "Give the same --project, --region, --prefix and --variables as before. To delete these " +
      "resources, run the command that the message names; before you delete a queue of BATON_QUEUES, " +
      "run `baton deploy --skip-infra`.",
  ),
  DEPLOY_VARIABLES_FORGOTTEN: entry(
    "none",
    "Give --variables the file that the message names, or --variables /dev/null to deploy without a " +
      "file.",
  ),
  DEPLOY_STATE_MISSING: entry(
    "none",
    "Copy the state of the deployment to this folder: infra/backend.tf, or infra/terraform.tfstate.d " +
      "from the machine that deployed it; see infra/README.md#state. If the function belongs to another " +
      "deployment, choose another --prefix or --function. If only the function is left, " +
      "`baton deploy --destroy --skip-infra` deletes it.",
  ),
  DEPLOY_FAILED: entry(
    "none",
    "Fix the problem that the command printed, and deploy again. Resources that exist stay.",
  ),
  // Tests of workflows
  TEST_SERVICE_NOT_FAKED: entry("none", "Give testWorkflow or chaos an answer for the request, in `http`."),
  TEST_TASK_UNKNOWN: entry("none", "Name a task of the workflow that is tested."),
  TEST_RESULT_MISSING: entry("none", "Check the status of the task first, or correct what made it end so."),
  TEST_FILE_UNMATCHED: entry(
    "none",
    "Drop a file whose name fits a fileDrop of the workflow. Names are relative to the inbox.",
  ),
  TEST_TIME_INVALID: entry(
    "none",
    'Give a time that is not in the past of the test: "2026-01-31T06:00:00Z".',
  ),
  TEST_STUCK: entry(
    "none",
    "Send the event or completion that a task waits for, or give its wait a timeout. A task that resumes for " +
      "ever has steps whose names change.",
  ),
  PORT_IN_USE: entry("none", "Stop the other program, or choose another port with --port."),
  CONFIGURATION_INVALID: entry("none", "Correct the variables or options that the message names."),
  USAGE: entry("none", "Run `baton --help`, or the command with --help."),
  SHUTTING_DOWN: entry(
    "retry",
    "Send the message again, as Pub/Sub does: this process is stopping. Another one, or this one " +
      "after its restart, handles it.",
  ),
  STRAY_EXCEPTION: entry(
    "none",
    "Find the timer or event handler that throws, in a workflow file or in a module that it imports. " +
      "BATON_DEBUG=1 shows where it threw.",
  ),
  INTERNAL: entry("retry", "Report this with its message: it is a defect in Baton."),
} as const satisfies Readonly<Record<string, ErrorEntry>>;

/**
 * Every error that a user can meet, by its code, with its remedy and with what happens to the message. Codes are stored
 * in documents, and any process shows their remedies: so all entries are in core, and not in the rooms that throw them,
 * which most processes do not load.
 */
export const errorCatalog = { ...messageErrors, ...taskErrors, ...machineErrors } as const;

export type ErrorCode = keyof typeof errorCatalog;

/** The remedy for an error code. Undefined for a code that a task's own code made up. */
export function remedyFor(code: string): string | undefined {
  const entries: Readonly<Record<string, ErrorEntry>> = errorCatalog;
  return Object.hasOwn(entries, code) ? entries[code]?.remedy : undefined;
}
