import type { CompletionMode } from "../core/messages.ts";
import type { Broker, Timer } from "../ports/broker.ts";
import type { CallbackArchive, CallbackSender } from "../ports/callbacks.ts";
import type { WorkflowCatalog } from "../ports/catalog.ts";
import type { Clock, Ids } from "../ports/machine.ts";
import type { ObjectStore } from "../ports/objects.ts";
import type { DocumentStore } from "../ports/store.ts";
import type { TaskRunner } from "../ports/task-runner.ts";
import type { Logger } from "../ports/telemetry.ts";

interface EngineSettings {
  /** How long a claim counts without a heartbeat. */
  readonly leaseSeconds: number;
  /**
   * The store itself deletes expired records, and documents of batches this long after their last write. Absent: only
   * the sweep deletes.
   */
  readonly retentionSeconds?: number;
  /** Time between two sweeps. Set where reads cost money: long-running batches are then inspected less often. */
  readonly sweepSeconds?: number;
  /** Limit on the time of an attempt in this process, in addition to that of its task. Absent: none. */
  readonly attemptSeconds?: number;
  /**
   * How the completion of a task that this process ran is handled: it is published as a message, or handled `inline`,
   * in the delivery that settled the task, which is then acknowledged after the children are published. Default:
   * published.
   */
  readonly completions?: CompletionMode;
  /**
   * Queues whose transport enforces limits: their tasks run only when the message came through the queue. Absent: none.
   */
  readonly limitedQueues?: ReadonlySet<string>;
}

/** All ports and settings of the engine. A handler names those that it uses: see `Ports`. */
export interface Dependencies {
  readonly store: DocumentStore;
  readonly broker: Broker;
  readonly timer: Timer;
  readonly objects: ObjectStore;
  readonly catalog: WorkflowCatalog;
  readonly runner: TaskRunner;
  readonly callbacks: CallbackSender;
  readonly callbackArchive: CallbackArchive;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  readonly settings: EngineSettings;
  /** The name of this process in the TaskLogs. */
  readonly worker: string;
}

/** The ports and settings that a handler uses, by their names. */
export type Ports<Name extends keyof Dependencies> = Pick<Dependencies, Name>;
