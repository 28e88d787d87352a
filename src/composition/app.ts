import type { SqliteBroker } from "../adapters/sqlite/broker.ts";
import type { HttpTrust } from "../entry/http-handler.ts";
import type { Broker } from "../ports/broker.ts";
import type { Configuration } from "./configuration.ts";
import type { EngineParts } from "./engine-parts.ts";
import type { Worker } from "./worker.ts";

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
