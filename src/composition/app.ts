import type { SqliteBroker } from "../adapters/sqlite/broker.ts";
import type { HttpTrust } from "../entry/http-handler.ts";
import type { Broker } from "../ports/broker.ts";
import type { Configuration } from "./configuration.ts";
import type { EngineParts } from "./engine-parts.ts";

/** What a process works on. */
export interface WorkScope {
  /** One batch only. */
  readonly batchId?: string;
  /** Whether schedules start batches. Default: unless it works on one batch only. */
  readonly triggers?: boolean;
}

/** The part of a process that runs tasks. */
export interface Worker {
  /** Begins to work on everything, or on what the scope says; where messages are pushed, there is nothing to begin. */
  start(scope?: WorkScope): void;
  /** Takes nothing new, lets short tasks finish, gives the rest back, within `limits.shutdownSeconds`. */
  stop(): Promise<void>;
}

/** Messages that wait in a queue of this machine. */
type WaitingQueues = ReturnType<SqliteBroker["waiting"]>;

/** Baton, wherever its batches live. */
export interface App extends EngineParts {
  readonly configuration: Configuration;
  readonly broker: Broker;
  readonly work: Worker;
  /** Whom its HTTP entry lets in, and believes. */
  readonly trust: HttpTrust;
  /** False: nothing was ever stored here. Commands that only read make no data folder. */
  readonly hasData: boolean;
  /** What waits in the queues, where that can be told. */
  waiting(): WaitingQueues;
  /** Lets go of everything it has opened. */
  close(): Promise<void>;
}
