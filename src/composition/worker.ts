/** What a worker takes on. */
export interface WorkScope {
  /** One batch only. */
  readonly batchId?: string;
  /** Whether schedules start batches. Default: yes, unless the scope is one batch. */
  readonly triggers?: boolean;
}

/** The part of a process that runs tasks. */
export interface Worker {
  /** Begins to take messages. Where messages are pushed there is nothing to poll. */
  start(scope?: WorkScope): void;
  /** Takes no new message, lets short tasks finish and gives the rest back, within `limits.shutdownSeconds`. */
  stop(): Promise<void>;
}
