import { type FaultPlan, noFaults } from "../kit/faults.ts";
import { serveGrpc } from "../kit/grpc-server.ts";
import { HttpSender } from "../kit/http-sender.ts";
import { Meter } from "../kit/meter.ts";
import { packagedProtos } from "../kit/packaged-protos.ts";
import { Timeline } from "../kit/timeline.ts";
import type { TokenIssuer } from "../oidc/issuer.ts";
import { TokenCache } from "../oidc/token-cache.ts";
import { dispatch } from "./dispatch.ts";
import { type Dispatch, Queue, type Task } from "./queue.ts";
import { cloudTasksHandlers, type OpenQueue } from "./service.ts";
import { rateLimitsOf, retryConfigOf } from "./settings.ts";
import { type WireQueue, wireTimeOf } from "./wire.ts";

export interface CloudTasksServerOptions {
  readonly faults?: FaultPlan;
  readonly meter?: Meter;
  readonly port?: number;
  /** Signs the tokens of dispatches. */
  readonly oidc?: TokenIssuer;
  /**
   * How many seconds of delays, back-offs, deadlines, rates and tombstones pass in one second. Default 1. A schedule
   * time is as far away as the real clock says when the task is created.
   */
  readonly clockScale?: number;
  /** How long the name of a task that ran, or was deleted, can't be used again. Default 3600. */
  readonly tombstoneSeconds?: number;
}

export interface CloudTasksServer {
  /** `127.0.0.1:port`. */
  readonly host: string;
  readonly meter: Meter;
  /** For calls; dispatches have no faults but those of their endpoint. */
  setFaults(plan: FaultPlan): void;
  /** Full names. */
  queues(): readonly string[];
  /** The pending tasks of a queue, oldest first. */
  tasks(queue: string): readonly Task[];
  /** Every try of every task of a queue, in the order in which they began. */
  dispatches(queue: string): readonly Dispatch[];
  /** Resolves when no queue has a task. */
  idle(): Promise<void>;
  /** Dispatches all tasks that are due within that many milliseconds of now (default: all). Returns how many. */
  runDueNow(withinMs?: number): number;
  close(): Promise<void>;
}

/**
 * Cloud Tasks: queues and their HTTP tasks over the wire of google.cloud.tasks.v2, dispatched at their time.
 *
 * Left out: App Engine tasks, changing, pausing, purging and deleting queues, BufferTask and RunTask, IAM, and what
 * happens to a task that is 31 days old. Dispatches have no X-CloudTasks-TaskExecutionCount, which Baton does not read.
 * Tasks run exactly once where Google promises that for nearly all.
 */
export async function startCloudTasksServer(
  options: CloudTasksServerOptions = {},
): Promise<CloudTasksServer> {
  const { faults = noFaults, meter = new Meter(), clockScale = 1, tombstoneSeconds = 3_600 } = options;
  const timeline = new Timeline(clockScale);
  const sender = new HttpSender();
  const tokens = options.oidc && new TokenCache(options.oidc);
  const queues = new Map<string, OpenQueue>();
  const idlers = new Set<() => void>();

  const release = () => {
    if (idlers.size === 0 || [...queues.values()].some(({ queue }) => queue.tasks.size > 0)) return;
    for (const resolve of idlers) resolve();
    idlers.clear();
  };
  const open = (wanted: WireQueue): OpenQueue => {
    const settings = withDefaults(wanted);
    const queue = new Queue({
      name: wanted.name,
      rateLimits: rateLimitsOf(wanted),
      retryConfig: retryConfigOf(wanted),
      timeline,
      tombstoneMs: tombstoneSeconds * 1_000,
      dispatch: (task) => {
        meter.add("task_dispatches");
        return dispatch(wanted.name, task, { sender, tokens, clockScale });
      },
      onProgress: release,
    });
    return { settings, queue };
  };
  const grpc = await serveGrpc(
    [
      {
        service: "google.cloud.tasks.v2.CloudTasks",
        protos: packagedProtos("@google-cloud/tasks", "build/protos/protos.json"),
        options: { defaults: true },
        handlers: cloudTasksHandlers({ queues, meter, hasTokens: tokens !== undefined, open }),
      },
    ],
    faults,
    options.port,
  );
  return {
    host: grpc.host,
    meter,
    setFaults: (plan) => grpc.setFaults(plan),
    queues: () => [...queues.keys()],
    tasks: (name) => [...(queues.get(name)?.queue.tasks.values() ?? [])],
    dispatches: (name) => queues.get(name)?.queue.dispatches ?? [],
    idle: () =>
      new Promise((resolve) => {
        idlers.add(resolve);
        release();
      }),
    runDueNow: (withinMs = Number.POSITIVE_INFINITY) =>
      [...queues.values()].reduce((count, { queue }) => count + queue.hasten(withinMs), 0),
    async close() {
      for (const { queue } of queues.values()) queue.close();
      timeline.close();
      await Promise.all([grpc.close(), sender.close()]);
    },
  };
}

function withDefaults(queue: WireQueue): WireQueue {
  const { maxRetryDurationMs, minBackoffMs, maxBackoffMs, ...retryConfig } = retryConfigOf(queue);
  return {
    name: queue.name,
    rateLimits: rateLimitsOf(queue),
    retryConfig: {
      ...retryConfig,
      maxRetryDuration: wireTimeOf(maxRetryDurationMs),
      minBackoff: wireTimeOf(minBackoffMs),
      maxBackoff: wireTimeOf(maxBackoffMs),
    },
  };
}
