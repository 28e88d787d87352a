import { daySeconds } from "./values/time.ts";

/**
 * The limits that a user or another process can meet, named once. What only tunes the work of one file stands in that file.
 * Sizes are bytes, durations are seconds unless the name says otherwise.
 */
export const limits = {
  /** Longest workflow, task or queue name. Keeps document ids and message attributes short. */
  nameCharacters: 64,
  /** Longest id of a TaskBatch, and longest key that a start may give. */
  batchIdCharacters: 200,
  startKeyCharacters: 500,
  /** Tasks in one workflow. A cancel writes one record per task, so this bounds its cost. */
  tasksPerWorkflow: 20_000,
  /** Largest request body the entry reads: a 10 MB Pub/Sub message is 13.4 MB as base64 in its push envelope. */
  requestBodyBytes: 14 * 1024 * 1024,
  /** Deepest nesting of arrays and objects in anything that arrives; whatever walks it may recurse. */
  jsonDepth: 200,
  /** Values (elements and fields) in any JSON that arrives: fourteen megabytes of `[],` take 1.5 GB once they are checked. */
  jsonValues: 500_000,
  /** Time a client has to send its headers, and its whole request. Handling may take longer. */
  headersSeconds: 20,
  requestSeconds: 60,
  /** How long a refused request is still read, so that its sender gets to see the refusal. */
  refusalSeconds: 2,
  /** How long a stopping server waits for requests in flight: Cloud Run kills 10 seconds after SIGTERM. */
  drainSeconds: 8,
  /** Largest decoded message, the limit of Pub/Sub. */
  messageBytes: 10_000_000,
  /** Results up to this size live in the TaskLog; larger ones go to the object store. Firestore allows 1 MiB a document. */
  inlineResultBytes: 64 * 1024,
  /** Definitions up to this size live in their document; larger ones, of thousands of tasks, go to the object store. */
  inlineDefinitionBytes: 512 * 1024,
  /** Largest result a task may return. */
  resultBytes: 32 * 1024 * 1024,
  /** Largest input a TaskBatch may carry; it is stored in the TaskBatch document. */
  inputBytes: 512 * 1024,
  /** Longest stored error message; a longer one is cut. */
  errorMessageCharacters: 4_000,
  /** Bytes of a dead message that are kept inside its dead letter; larger ones go to the object store. */
  deadLetterInlineBytes: 256 * 1024,
  /** Longest cron pattern. It is part of the key of a batch. */
  cronCharacters: 300,
  /** Missed slots of one schedule that one tick starts; the next tick goes on. */
  catchUpSlots: 100,
  /** How old a slot may be and still count as on time: ticks come late, from Cloud Scheduler once a minute. */
  scheduleGraceSeconds: 120,
  /** Time between two looks of a server at its workflow files; what has changed has to stay as it is for one. */
  workflowLookSeconds: 1,
  /** Time between two looks of a working process at the schedules. */
  tickSeconds: 5,
  /** Failed deliveries of one message before it becomes a dead letter of the embedded engine. */
  deliveryAttempts: 10,
  /**
   * The same where messages are pushed: just before Pub/Sub itself gives a message up. With the pauses of `infra/` that is most
   * of a day, so that no outage makes dead letters of sound messages, and what does become one is found by `baton dead-letters`.
   */
  pushedDeliveryAttempts: 90,
  /** Deliveries after which Pub/Sub gives a message up: the most that a subscription can have. */
  subscriptionDeliveryAttempts: 100,
  /** Leases one task may lose before it is failed: a task that kills its worker must not do so for ever. */
  // mutation: lost-leases-are-limited
  lostLeases: 10,
  /** Shortest lease of a lock: heartbeats must be able to keep it. */
  leastLockSeconds: 1,
  /** Longest idempotency key; it is stored whole, beside its hash. */
  keyCharacters: 1_000,
  /** Longest time-to-live of a cached result. */
  resultTtlSeconds: 366 * daySeconds,
  /** How long the stored steps of a call that failed are kept for the next one. */
  unfinishedExecutionSeconds: 7 * daySeconds,
  /** How long a spent record stays: a call that took it in its last moment still has its steps. */
  spentMarginSeconds: 60,
  /** Execution records that one sweep looks through for spent ones. */
  executionsPerSweep: 500,
  /** How long a task that found its lock held waits, at first and at most, before it looks again. */
  lockPollSeconds: { first: 1, most: 15 },
  /**
   * How much longer than its time the lock of a task stands that waits, or was to go on: its message may stand in line. Not for
   * ever: the batch of a `baton run` that was interrupted may be one that nobody goes on with.
   */
  parkedLockMarginSeconds: 3_600,
  /** Longest name of a step or an event, and its longest form in a document id, percent-encoded. Firestore: 1,500 bytes an id. */
  stepNameCharacters: 200,
  encodedNameCharacters: 800,
  /** Warnings, errors and counters that one TaskLog keeps of each, and the longest of them. */
  notes: 100,
  noteCharacters: 500,
  /** Longest URL of a callback. */
  urlCharacters: 2_000,
  /** How long the receiver of a callback has to answer. */
  callbackTimeoutSeconds: 15,
  /** How long one sender of a callback is believed to be at it. */
  callbackLeaseSeconds: 20,
  /** Sends of a callback that fail in a row before it is given up: about three days. */
  callbackAttempts: 80,
  /** Waits between them: the first ten make an hour and a half, each further one is an hour. */
  callbackRetry: { initialSeconds: 5, factor: 2, maxSeconds: 3_600, jitter: 0 },
  /** Sends of a callback that are kept to be shown. */
  shownSends: 20,
  /** How long a command waits for callbacks to be taken before it leaves them to a server. */
  callbackWaitSeconds: 5,
  /** How long `baton cancel` waits for the function before it says what may be amiss. */
  cancelHintSeconds: 30,
  /** How much of a result a list shows. */
  shownResultCharacters: 200,
  /** Steps, and callbacks, of a key that are shown. */
  explainedRows: 1_000,
  /** Keys that are proposed in place of one that is not known. */
  similarKeys: 5,
  /** Files, and rows of the archive, that are named of a batch that is to be forgotten. */
  forgottenNames: 1_000,
  /** Documents of a page when each may be as large as the store allows. */
  largeDocumentsPage: 50,
  /** How often, and after how long, what a service refuses is tried again for a task that has its claim. */
  insistMs: [100, 300, 900, 2_700],
  /** Documents and objects that one piece of work asks for at the same time. */
  workAtOnce: 50,
  /** Longest delay, the horizon of Cloud Tasks. */
  delaySeconds: 30 * daySeconds,
  /** What is scheduled further ahead comes earlier and is scheduled again: Cloud Tasks takes 30 days, by its own clock. */
  timerHorizonSeconds: 29 * daySeconds,
  /** Messages, and their bytes, that go to a topic in one request: the limits of Pub/Sub, with room for its envelope. */
  messagesPerPublish: 1_000,
  bytesPerPublish: 9 * 1024 * 1024,
  /** How often what a topic refuses is published, and how long the client repeats one request. */
  publishAttempts: 2,
  publishTimeoutMs: 20_000,
  /** Tasks of Cloud Tasks that one publish creates at the same time: each is a request of its own. */
  tasksCreatedAtOnce: 50,
  /** Numbered names that a message has one after the other in a queue of Cloud Tasks, each taken for hours. Then they are made up. */
  namesOfDispatch: 5,
  /** Tasks of a page when a queue of Cloud Tasks is looked through, the most that it gives. */
  queuedTasksPage: 1_000,
  /** A task of Cloud Tasks that is due this soon need not be put there again. */
  dueSoonSeconds: 60,
  /**
   * How long the answer to a message is waited for: Pub/Sub waits no longer than this, and Cloud Tasks is told the same. It is
   * less than a lease.
   */
  deliveryDeadlineSeconds: 600,
  /** What a queue of Cloud Tasks allows at most: https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues#RateLimits */
  dispatchesAtOnce: 5_000,
  dispatchesPerSecond: 500,
  /**
   * Shortest time that documents may be kept. A message lives for 31 days in its topic, 31 more as a dead letter, and as
   * long again once that was replayed as a scheduled one; and a week for the margin below.
   */
  leastRetentionSeconds: 100 * daySeconds,
  /** How far apart the clocks that judge a document's age may be, rounded up to what costs nothing. */
  expiryMarginSeconds: 7 * daySeconds,
  /** An attempt ends so long before the function that runs it would be: after its timeout, code may go on that nobody sees. */
  attemptMarginSeconds: 30,
  /** How long the code of a task that has been told to stop is waited for, before what it has begun elsewhere is ended. */
  abortedCodeSeconds: 10,
  /** How long whoever ends what a cancelled task has begun elsewhere is believed to be at it, and keeps its key for that. */
  cancelLockSeconds: 60,
  /** Longest time between two heartbeats: a task hears of the cancel of its batch by the next one. */
  heartbeatSeconds: 30,
  /** Heartbeats per lease, where that is sooner: a few may fail before the lease is lost. */
  heartbeatsPerLease: 6,
  /** Shortest timeout of the function. Its longest is below `deliveryDeadlineSeconds`. */
  leastFunctionSeconds: 60,
  /** Longest lease of a deployment, in `infra/` too: so long the task of a worker that died waits for another. */
  leaseSeconds: 3_600,
  /** Longest timeout of one attempt, below the 60 minutes of a Cloud Run function. */
  timeoutSeconds: 3_500,
  /** Most attempts a retry policy may ask for, and how many times as long as the one before a wait may be. */
  attempts: 100,
  retryFactor: 100,
  /** Longest pause before the next attempt, or the next send of a callback, that the other side may ask for. */
  retryAfterSeconds: daySeconds,
  /** Longest of those that a call of a service waits in place; for a longer one its task leaves the machine. */
  retryInPlaceSeconds: 5,
  /** Writes per atomic commit, and per group of independent writes sent at once (Firestore: 500). */
  writesPerCommit: 500,
  /** Batches, and callbacks, that one message of a sweep sees to. */
  documentsPerSweep: 100,
  /** A batch that has gone on for long is looked at again after a tenth of its age on average, at most so many seconds. */
  lookShareOfAge: 10,
  lookPauseSeconds: 900,
  /** A batch that misses work and in which nothing has been written for so long is told of in the log. */
  stuckSeconds: 3_600,
  /** Documents read by one page of a query. */
  queryPage: 1_000,
  /** How long one call of Firestore may take with all its repetitions. */
  storeCallSeconds: 20,
  /** The same of a query, whose page may hold 30 MB of results: enough for links of 4 Mbit/s. */
  storeQuerySeconds: 60,
  /** How long a process that ends waits for calls of Firestore. */
  storeCloseMs: 1_000,
  /** TaskLogs read by one page: each may hold a result of `inlineResultBytes`. */
  taskLogsPage: 500,
  /** Joins that one task may be a parent of. Its ending holds up to three tokens of each, and has to fit into a document. */
  joinsPerTask: 1_000,
  /** Parents of a join that are counted as one: Firestore bills a count by the thousand. Of new definitions; stored ones keep theirs. */
  joinShardParents: 1_000,
  /** Children that one message starts or skips; of more, another message sees to the rest. */
  childrenPerMessage: 1_000,
  /** TaskBatches whose pinned definition one process keeps in memory. */
  cachedBatches: 1_000,
  /** Messages other than tasks (completions, starts, sweeps) that one process handles at once. */
  controlConcurrency: 1_000,
  /** Most tasks of one queue that a process may be told to run at once. */
  queueConcurrency: 10_000,
  /** Highest rate a queue may be given, in messages per second, minute or hour. */
  queueRateMessages: 1_000_000,
  /** Redirects that one request of a task follows. */
  redirects: 5,
  /** Largest answer of the `http` task that does not ask for more. */
  httpAnswerBytes: 1024 * 1024,
  /** Largest answer of a service that a task has its work done by; a page of Dataform's actions holds their SQL. */
  serviceAnswerBytes: 64 * 1024 * 1024,
  /** Longest row of a file that `loadFile` reads. */
  fileRowBytes: 16 * 1024 * 1024,
  /** How much of a file is read to find out how it is written. Its header has to fit in. */
  fileHeadBytes: 1024 * 1024,
  /** Texts that a load takes for NULL. */
  nullValues: 100,
  /** How much of a value an error shows. */
  shownValueCharacters: 100,
  /** How much of a refused answer an error shows. */
  shownAnswerCharacters: 500,
  /** Data of a callback up to this size, as JSON, is sent in one request; longer data in pages of about this size. */
  callbackPageBytes: 256 * 1024,
  /** How many missing pages an error names. */
  namedPages: 10,
  /** Largest answer to a callback. It is not looked at, but some receivers answer with a page. */
  callbackAnswerBytes: 64 * 1024,
  /**
   * How long a task waits for another process that holds the file of the warehouse. A process of Baton lets go of it
   * after each use; another program, such as a shell of DuckDB, may keep it for ever.
   */
  warehouseLockSeconds: 600,
  /** How long a worker waits for a job of the warehouse that it began, before its task leaves the machine. */
  warehouseWaitSeconds: 20,
  /** Rows that one report draws; more could not be told apart. */
  reportRows: 5_000,
  /** A file in the inbox counts as written when it has not changed for so long. */
  inboxStableMs: 1_000,
  /** Descriptors that one look for the writers of new files reads. Where more are open, writers cannot be found. */
  inboxDescriptors: 100_000,
  /** How many times as long where the system cannot tell whether a file is open for writing. */
  inboxUnseenFactor: 3,
  /** The most that a file is waited for whose writer has paused before. */
  inboxGrowingMs: 10_000,
  /** Time between two looks through the inbox, for what the file system did not tell. */
  inboxRescanMs: 5_000,
  /** From SIGTERM to the end of the process: Cloud Run kills after 10 s. */
  shutdownSeconds: 9,
  /** How much of that running tasks may use to finish. */
  taskGraceSeconds: 7,
  /** How long a write to the embedded store waits for another process. */
  lockTimeoutSeconds: 10,
  /** How long a message that was handed out by the embedded broker stays hidden. */
  messageLeaseSeconds: 60,
  /** How often the embedded broker looks for messages of other processes. */
  brokerPollMs: 50,
  /** How long a delivery waits at its end for its traces to be sent, and a process at its own. */
  traceFlushMs: 2_000,
  traceCloseMs: 1_000,
  /** Time between two sendings of traces that nobody asks for, and how long one may take with all its repetitions. */
  traceSeconds: 5,
  traceExportSeconds: 5,
  /** How long nobody waits for a receiver of traces that did not take them in time. */
  tracePauseSeconds: 30,
  /** Spans that wait to be sent; more are lost. How many go in one request. */
  traceSpans: 4_096,
  spansPerExport: 512,
} as const;

/** Defaults of a task that does not say otherwise. */
export const defaults = {
  /** A result is believed for a day, a silent lock for five minutes. */
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
