import { daySeconds } from "./values/time.ts";

/**
 * The limits that a user or another process can meet, each in one place. A constant that only one file uses stays in
 * that file. Sizes are bytes and durations are seconds unless the name says otherwise.
 */
export const limits = {
  /** Longest workflow, task or queue name. Keeps document ids and message attributes short. */
  nameCharacters: 64,
  /** Longest id of a TaskBatch, and longest start key. */
  batchIdCharacters: 200,
  startKeyCharacters: 500,
  /** Tasks in one workflow. A cancel writes one record per task, so this bounds its cost. */
  tasksPerWorkflow: 20_000,
  /** Largest request body: a Pub/Sub message of 10 MB is 13.4 MB as base64 in its push envelope. */
  requestBodyBytes: 14 * 1024 * 1024,
  /** Deepest nesting of arrays and objects in JSON from outside, so that code may walk it by recursion. */
  jsonDepth: 200,
  /** Elements and fields in JSON from outside: 14 MB of `[],` take 1.5 GB of memory when they are validated. */
  jsonValues: 500_000,
  /** Largest decoded message, the limit of Pub/Sub. */
  messageBytes: 10_000_000,
  /** Larger results go to the object store instead of the TaskLog. Firestore allows 1 MiB a document. */
  inlineResultBytes: 64 * 1024,
  /** Larger definitions, those of thousands of tasks, go to the object store. */
  inlineDefinitionBytes: 512 * 1024,
  /** Largest result a task may return. */
  resultBytes: 32 * 1024 * 1024,
  /** Largest input of a TaskBatch, which is stored in its document. */
  inputBytes: 512 * 1024,
  /** Longest stored error message; a longer one is cut. */
  errorMessageCharacters: 4_000,
  /** Earlier attempts that a TaskLog keeps: the last ones. */
  shownAttempts: 20,
  /** Longest error message in them, and in the record of an ended batch. */
  shortErrorCharacters: 500,
  /** Larger bodies of dead letters go to the object store. */
  deadLetterInlineBytes: 256 * 1024,
  /** Longest cron pattern. It is part of the start key of a batch. */
  cronCharacters: 300,
  /** Missed slots of one schedule that one tick starts. The next tick starts the next ones. */
  catchUpSlots: 100,
  /** How late a slot may start and still count as on time. Cloud Scheduler ticks once a minute. */
  scheduleGraceSeconds: 120,
  /** How often a server checks its workflow files. It loads a changed file once a check finds it unchanged. */
  workflowScanSeconds: 1,
  /** How often `baton dev` checks them. */
  developmentScanMs: 250,
  /** How often a worker checks the schedules. */
  tickSeconds: 5,
  /** Failed deliveries of one message before it becomes a dead letter of the embedded engine. */
  deliveryAttempts: 10,
  /**
   * The same for pushed messages: just below the number at which Pub/Sub discards one, so that `baton dead-letters`
   * lists it. With the back-off of `infra/` this takes most of a day, so that an outage makes no dead letters.
   */
  pushedDeliveryAttempts: 90,
  /** Deliveries after which Pub/Sub discards a message: the maximum of a subscription. */
  subscriptionDeliveryAttempts: 100,
  /** Leases that a task may lose before it fails: a task that kills its worker must not do so for ever. */
  // mutation: lost-leases-are-limited
  lostLeases: 10,
  /** Shortest lease of a lock: heartbeats must be able to extend it in time. */
  minLockSeconds: 1,
  /** Longest expression, and values that one evaluation may visit: about a second of processor time. */
  expressionCharacters: 1_000,
  expressionVisits: 10_000_000,
  /** Expressions that one process keeps in memory as they were read. */
  cachedExpressions: 1_000,
  /** Parents of a task whose condition is a function: all their results are read for it. */
  conditionParents: 100,
  /** Longest text of a `Skip`. */
  skipCharacters: 1_000,
  /** Longest idempotency key. */
  keyCharacters: 1_000,
  /** Longest time-to-live of a cached result. */
  resultTtlSeconds: 366 * daySeconds,
  /** How long the stored steps of a call that failed are kept for the next one. */
  unfinishedExecutionSeconds: 7 * daySeconds,
  /** How long an expired record stays: a call that claimed it at the last moment still needs its steps. */
  expiredMarginSeconds: 60,
  /** Execution records in which one sweep looks for expired ones. */
  executionsPerSweep: 500,
  /** First and longest wait of a task before it tries again to take a lock that is held. */
  lockPollSeconds: { first: 1, most: 15 },
  /**
   * Grace period on the lock of a parked task, because its wake-up message may be queued. It is bounded: an interrupted
   * `baton run` may never resume.
   */
  parkedLockMarginSeconds: 3_600,
  /** Longest name of a step or an event, and its longest percent-encoded form: Firestore allows ids of 1,500 bytes. */
  stepNameCharacters: 200,
  encodedNameCharacters: 800,
  /** Most warnings, most errors and most counters of a TaskLog, and the longest of them. */
  notes: 100,
  noteCharacters: 500,
  /** Longest URL of a callback. */
  urlCharacters: 2_000,
  /** How long the receiver of a callback may take to respond. */
  callbackTimeoutSeconds: 15,
  /** Lease of a sender on a callback. */
  callbackLeaseSeconds: 20,
  /** Failed sends in a row after which a callback is given up: about three days. */
  callbackAttempts: 80,
  /** Back-off between them: the first ten waits add up to an hour and a half, each further one is an hour. */
  callbackRetry: { initialSeconds: 5, factor: 2, maxSeconds: 3_600, jitter: 0 },
  /** Last sends that a callback keeps for `baton explain`. */
  shownSends: 20,
  /** How long a command waits for callbacks to be delivered before it leaves them to a server. */
  callbackWaitSeconds: 5,
  /** How long `baton cancel` waits for the function before it prints what may be wrong. */
  cancelHintSeconds: 30,
  /** Longest result of a tool of `baton mcp`, and longest notes with it. Longer results are shortened. */
  toolResultCharacters: 50_000,
  toolNotesCharacters: 4_000,
  /** Calls of tools of `baton mcp` that run at once. */
  toolProcesses: 4,
  /** Characters of a result that a list shows. */
  shownResultCharacters: 200,
  /** Most steps, and most callbacks, of a key that `baton explain` shows. */
  explainedRows: 1_000,
  /** Similar keys that an error proposes in place of an unknown one. */
  similarKeys: 5,
  /** Keys that are compared for that where the store keeps no order of them (Firestore bills each as a read). */
  comparedKeys: 500,
  /** Most files, and most rows of the archive, that `baton forget` lists. */
  forgottenNames: 1_000,
  /** Documents a page where each may be as large as the store allows. */
  largeDocumentsPage: 50,
  /** Waits before each retry of a failed call of a service for a claimed task. */
  retryDelaysMs: [100, 300, 900, 2_700],
  /** Documents and objects that one operation requests at the same time. */
  parallelRequests: 50,
  /** Longest delay, the horizon of Cloud Tasks. */
  delaySeconds: 30 * daySeconds,
  /** How long a client of Pub/Sub or Cloud Tasks repeats one request. */
  publishTimeoutMs: 20_000,
  /**
   * How long Pub/Sub and Cloud Tasks wait for the response to a message: the maximum of Pub/Sub. It is shorter than a
   * lease.
   */
  deliveryDeadlineSeconds: 600,
  /**
   * Maximum concurrency and rate of a queue of Cloud Tasks:
   * https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#RateLimits
   */
  concurrentDispatches: 5_000,
  dispatchesPerSecond: 500,
  /**
   * Shortest retention of documents. A message lives for up to 31 days in its topic, 31 more as a dead letter, and 31
   * more when that is replayed and scheduled; plus the margin of a week below.
   */
  minRetentionSeconds: 100 * daySeconds,
  /** How far the clocks that measure a document's age may differ, rounded up generously. */
  expiryMarginSeconds: 7 * daySeconds,
  /** An attempt times out this long before its function does: code that runs on after that is not observed. */
  attemptMarginSeconds: 30,
  /** How long the worker waits for the code of an aborted task before it cancels the task's remote jobs. */
  abortedCodeSeconds: 10,
  /** Lease on the key while a cancelled task's remote job is being stopped. */
  cancelLockSeconds: 60,
  /** Longest time between two heartbeats: a task learns of the cancel of its batch by the next one. */
  heartbeatSeconds: 30,
  /** Heartbeats per lease, where that is more often: a few may fail before the lease is lost. */
  heartbeatsPerLease: 6,
  /** Shortest timeout of the function. Its longest timeout is below `deliveryDeadlineSeconds`. */
  minFunctionSeconds: 60,
  /** Longest lease of a deployment, in `infra/` too. After a worker's death its task waits for that long. */
  leaseSeconds: 3_600,
  /** Longest timeout of one attempt, below the 60 minutes of a Cloud Run function. */
  timeoutSeconds: 3_500,
  /** Most attempts and largest back-off factor of a retry policy. */
  attempts: 100,
  retryFactor: 100,
  /** Longest `Retry-After` that is respected, before the next attempt or the next send of a callback. */
  retryAfterSeconds: daySeconds,
  /** Longest `Retry-After` that a call waits for in place. For a longer one the task leaves its worker. */
  retryInPlaceSeconds: 5,
  /** Writes in an atomic commit, and in a group of independent writes (Firestore: 500). */
  writesPerCommit: 500,
  /** Batches, or callbacks, that one sweep message covers. */
  documentsPerSweep: 100,
  /** A long-running batch is inspected again after a tenth of its age on average, at most `inspectionPauseSeconds`. */
  inspectionsPerAge: 10,
  inspectionPauseSeconds: 900,
  /** A batch that lacks work and in which nothing was written for this long is logged as stalled. */
  stalledSeconds: 3_600,
  /** Documents in one page of a query. */
  queryPage: 1_000,
  /**
   * TaskLogs in one page: each may hold a result of `inlineResultBytes`. Cancel and retry write a page as one group, so
   * it is never larger than `writesPerCommit`.
   */
  taskLogsPage: 500,
  /** Fields of its input by which a batch is found, and the longest `field=value`. */
  searchedFields: 10,
  searchedFieldCharacters: 200,
  /** Failed tasks among which the first one of an ended batch is looked for. Of more, some are not read. */
  comparedFailures: 100,
  /** Joins that one task may be a parent of. Its TaskLog holds up to three tokens for each of them. */
  joinsPerTask: 1_000,
  /**
   * Parents in one shard of a join: Firestore bills a count by the thousand. A change applies to new batches; stored
   * ones keep their number.
   */
  joinShardParents: 1_000,
  /** Children that one message starts or skips. Further children are left to another message. */
  childrenPerMessage: 1_000,
  /** TaskBatches whose pinned definition one process keeps in memory. */
  cachedBatches: 1_000,
  /** Messages other than tasks (completions, starts, sweeps) that one process handles at once. */
  controlConcurrency: 1_000,
  /** Highest concurrency of one queue in a process. */
  queueConcurrency: 10_000,
  /** Highest rate of a queue, in messages a second, minute or hour. */
  queueRateMessages: 1_000_000,
  /** Default maximum size of a response to the `http` task. */
  httpAnswerBytes: 1024 * 1024,
  /** Largest response of a service that a task calls: a page of Dataform's actions holds their SQL. */
  serviceAnswerBytes: 64 * 1024 * 1024,
  /** Longest row in a file for `loadFile`. */
  fileRowBytes: 16 * 1024 * 1024,
  /** Largest unpacked size of a file for `loadFile` that is compressed. */
  unpackedFileBytes: 64 * 1024 ** 3,
  /** How much of a file is read to detect its delimiter. The header has to fit into it. */
  fileHeadBytes: 1024 * 1024,
  /** Most texts that a load may read as NULL. */
  nullValues: 100,
  /** Most lines above the header of a file that a load skips. */
  skippedRows: 1_000,
  /** Characters of a value that an error shows. */
  shownValueCharacters: 100,
  /** Characters of an error response that an error shows. */
  shownAnswerCharacters: 500,
  /** JSON data of a callback up to this size is sent in one request; longer data in pages of about this size. */
  callbackPageBytes: 256 * 1024,
  /** How many missing pages an error names. */
  namedPages: 10,
  /** Largest response to a callback. Its content is ignored, but some receivers respond with a page. */
  callbackAnswerBytes: 64 * 1024,
  /**
   * How long a task waits while another process holds the warehouse file. A process of Baton releases it after each
   * use; another program, such as a DuckDB shell, may hold it for ever.
   */
  warehouseLockSeconds: 600,
  /** How long a worker waits for a warehouse job that it started before the task leaves the worker. */
  warehouseWaitSeconds: 20,
  /** A file in the inbox is complete when it has not changed for this long. */
  inboxStableMs: 1_000,
  /** From SIGTERM to the end of the process: Cloud Run kills after 10 s. */
  shutdownSeconds: 9,
  /** How much of that time running tasks have to finish. */
  taskGraceSeconds: 7,
  /** How long a delivery, and a stopping process, waits until its traces are sent. */
  traceFlushMs: 2_000,
  traceCloseMs: 1_000,
} as const;

/** The defaults of a task. */
export const defaults = {
  /** A cached result counts for a day, a lock without a heartbeat for five minutes. */
  idempotency: {
    scope: "global",
    ttlSeconds: daySeconds,
    lockSeconds: 300,
    onLocked: "wait",
    recurring: false,
  },
  /** Table of the warehouse that completed callbacks are archived in. */
  callbackTable: "enrichment_callbacks",
  timeoutSeconds: 300,
  queue: "default",
  /** Four attempts with waits of 1, 2 and 4 minutes. */
  retry: { maxAttempts: 4, initialSeconds: 60, factor: 2, maxSeconds: 3_600, jitter: 0 },
} as const;
