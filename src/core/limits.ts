/** Every limit of Baton, named once. Sizes are bytes, durations are seconds unless the name says otherwise. */
export const limits = {
  /** Longest workflow, task or queue name. Keeps document ids and message attributes short. */
  nameCharacters: 64,
  /** Tasks in one workflow. A cancel writes one record per task, so this bounds its cost. */
  tasksPerWorkflow: 10_000,
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
  /** Largest result a task may return. */
  resultBytes: 32 * 1024 * 1024,
  /** Largest input a TaskBatch may carry; it is stored in the TaskBatch document. */
  inputBytes: 512 * 1024,
  /** Longest stored error message; a longer one is cut. */
  errorMessageCharacters: 4_000,
  /** Bytes of a dead message that are kept inside its dead letter; larger ones go to the object store. */
  deadLetterInlineBytes: 256 * 1024,
  /** Failed deliveries of one message before it becomes a dead letter. Pub/Sub allows 5 to 100. */
  deliveryAttempts: 10,
  /** Leases one task may lose before it is failed: a task that kills its worker must not do so for ever. */
  lostLeases: 10,
  /** Longest delay, the horizon of Cloud Tasks. */
  delaySeconds: 30 * 24 * 3600,
  /** Longest timeout of one attempt, below the 60 minutes of a Cloud Run function. */
  timeoutSeconds: 3_500,
  /** Most attempts a retry policy may ask for. */
  attempts: 100,
  /** Writes per atomic commit, and per group of independent writes sent at once (Firestore: 500). */
  writesPerCommit: 500,
  /** Documents read by one page of a query. */
  queryPage: 1_000,
  /** TaskBatches whose pinned definition one process keeps in memory. */
  cachedBatches: 1_000,
  /** How long an ending from outside that came before its task waits for it is put off, again and again. */
  earlyCompletionMs: 2_000,
  /** Messages other than tasks (completions, starts, sweeps) that one process handles at once. */
  controlConcurrency: 1_000,
  /** Redirects that one request of a task follows. */
  redirects: 5,
  /** Largest answer of the `http` task that does not ask for more. */
  httpAnswerBytes: 1024 * 1024,
  /** How much of a refused answer an error shows. */
  shownAnswerCharacters: 500,
  /** Rows that one report draws; more could not be told apart. */
  reportRows: 5_000,
  /** A file in the inbox counts as written when it has not changed for so long. */
  inboxStableMs: 1_000,
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
} as const;

/** Defaults of a task that does not say otherwise. */
export const defaults = {
  timeoutSeconds: 300,
  queue: "default",
  /** Four attempts with waits of 1, 2 and 4 minutes. */
  retry: { maxAttempts: 4, initialSeconds: 60, factor: 2, maxSeconds: 3_600, jitter: 0 },
} as const;
