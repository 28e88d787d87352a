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
  /** How long a claim is believed without a heartbeat. */
  readonly leaseSeconds: number;
  /**
   * The store deletes by itself what says nothing any more, and documents of batches so many seconds after their last write.
   * Absent: nothing is deleted but by the sweep.
   */
  readonly retentionSeconds?: number;
  /** Time between two sweeps; given where looking costs money: then batches that go on for long are looked at less often. */
  readonly sweepSeconds?: number;
  /** Longest time an attempt may run here, whatever its task allows. Absent: as its task allows. */
  readonly attemptSeconds?: number;
  /**
   * How the ending of a task that this process ran reaches its children: by a message of its own, or `inline`, in the
   * delivery that ended it, which is acknowledged when the children are published. Default: published.
   */
  readonly completions?: CompletionMode;
  /** Queues whose limits their transport keeps: a task of these runs only when its message came through its queue. Absent: none. */
  readonly limitedQueues?: ReadonlySet<string>;
}

/** Everything the engine needs of the world. */
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
  /** Name of this process in the TaskLogs. */
  readonly worker: string;
}
