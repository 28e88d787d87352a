import { CallbackSchema } from "../core/callback.ts";
import { ExecutionSchema, isExpiredExecution } from "../core/idempotency-lock.ts";
import { limits } from "../core/limits.ts";
import { CONTROL_QUEUE, type SweepMessage } from "../core/messages.ts";
import type { TaskBatch } from "../core/records.ts";
import { awaitsCompletion } from "../core/steps.ts";
import { isInspectionDue, RedriveSurvey } from "../core/sweep.ts";
import type { OutgoingMessage } from "../ports/broker.ts";
import type { DocumentStore, StoredDocument } from "../ports/store.ts";
import { hasEarlyCompletion } from "./completion.ts";
import type { Ports } from "./dependencies.ts";
import { type CancelParts, cancelBatch } from "./end-or-cancel-batch.ts";
import { resumeIfEventReceived } from "./events.ts";
import { callbackMessage, completionMessage, executeMessage, UnitOfWork } from "./outgoing-messages.ts";
import { deleteEach, withBoundedConcurrency } from "./records/bulk.ts";
import type { StoredLog } from "./records/task-logs.ts";
import { deleteSteps } from "./steps.ts";

type SweepPorts = Ports<"store" | "broker" | "logger" | "settings">;

/**
 * Finds work whose messages may be lost: every RUNNING batch, and every callback that is due. Each gets a message of
 * its own. One sweep message handles one page and publishes the next, so that no pass grows with the number of batches.
 * Any number of passes may run at once. A message without a part sweeps the first page of each part.
 */
export async function sweep(ports: SweepPorts, { part, after }: SweepMessage): Promise<void> {
  if (part !== "callbacks") await sweepBatches(ports, after);
  // mutation: sweep-finds-callbacks
  if (part !== "batches") await sweepCallbacks(ports, after);
}

async function sweepBatches(ports: SweepPorts, after: string | undefined): Promise<void> {
  await sweepPage(
    ports,
    "batches",
    { field: "status", equals: "RUNNING" },
    after,
    ({ key, updateTime }, now) =>
      isInspectionDue({ id: key.id, ageMs: now - updateTime, now, passSeconds: ports.settings.sweepSeconds })
        ? { queue: CONTROL_QUEUE, message: { kind: "redrive", batchId: key.id } }
        : undefined,
  );
}

/** Callbacks that no sender holds and whose back-off is over. */
async function sweepCallbacks(ports: SweepPorts, after: string | undefined): Promise<void> {
  await sweepPage(ports, "callbacks", { field: "state", equals: "PENDING" }, after, (document, now) => {
    const { data: callback } = CallbackSchema.safeParse(document.data);
    if (!callback) ports.logger.error("a callback can't be parsed", { id: document.key.id });
    const isDue = callback && now - document.updateTime >= callback.dueSeconds * 1_000;
    return isDue ? callbackMessage(callback.callbackId) : undefined;
  });
}

async function sweepPage(
  ports: SweepPorts,
  part: "batches" | "callbacks",
  condition: { readonly field: string; readonly equals: string },
  after: string | undefined,
  messageOf: (document: StoredDocument, now: number) => OutgoingMessage | undefined,
): Promise<void> {
  const unit = new UnitOfWork(ports);
  const { documents, readTime } = await ports.store.query(part, [condition], {
    limit: limits.documentsPerSweep,
    ...(after !== undefined && { startAfter: after }),
  });
  const messages = documents.flatMap((document) => messageOf(document, readTime) ?? []);
  const last = documents.length < limits.documentsPerSweep ? undefined : documents.at(-1)?.key.id;
  if (last !== undefined)
    messages.push({ queue: CONTROL_QUEUE, message: { kind: "sweep", part, after: last } });
  if (messages.length > 0) await unit.publish(messages);
}

/** Deletes expired execution records with their steps, one page at each sweep. */
export class Cleanup {
  readonly #store: DocumentStore;
  #after: string | undefined;

  constructor(store: DocumentStore) {
    this.#store = store;
  }

  async next(): Promise<void> {
    const { documents, readTime } = await this.#store.query("executions", [], {
      limit: limits.executionsPerSweep,
      ...(this.#after !== undefined && { startAfter: this.#after }),
    });
    this.#after = documents.length < limits.executionsPerSweep ? undefined : documents.at(-1)?.key.id;
    for (const document of documents) {
      const { data: execution } = ExecutionSchema.safeParse(document.data);
      const ageMs = readTime - document.updateTime;
      if (!execution || !isExpiredExecution(execution, ageMs - limits.expiredMarginSeconds * 1_000)) continue;
      // Before the record, which is how a later sweep finds them.
      await deleteSteps(this.#store, execution);
      await deleteEach(this.#store, [document]);
    }
  }
}

/** Redrive: publishes the messages of a RUNNING batch that may be lost. Safe at any time, and concurrently. */
export async function redriveBatch(parts: CancelParts, batchId: string): Promise<void> {
  const { batches, logs } = parts;
  const unit = new UnitOfWork(parts);
  const found = await batches.read(batchId);
  const { data: batch } = found;
  if (batch.status !== "RUNNING" || batches.isExpired(found)) return;
  // mutation: sweep-completes-a-cancel
  if (batch.cancelRequested) return cancelBatch(parts, batchId);
  const pinned = await batches.pinned(batchId);
  const survey = new RedriveSurvey();
  const completed: string[] = [];
  let idleMs = found.ageMs;
  for await (const page of logs.pagesOf(batchId)) {
    for (const log of page) survey.add(log);
    idleMs = Math.min(idleMs, ...page.map(({ ageMs }) => ageMs));
    const waiting = page.filter(({ log }) => log.status === "WAITING");
    await withBoundedConcurrency(waiting, (log) => resumeIfEventReceived(parts, pinned, log));
    completed.push(...(await tasksWithEarlyCompletion(parts, waiting)));
  }
  const plan = survey.plan(pinned.graph);
  logIfStalled(parts, batch, idleMs, plan.execute.length + plan.complete.length);
  const execute = new Set([...plan.execute, ...completed]);
  await unit.publish([
    ...[...execute].map((taskId) => executeMessage(pinned, taskId, { redrive: true })),
    ...plan.complete.map(({ taskId, ending }) =>
      completionMessage(batchId, taskId, ending, { redrive: true }),
    ),
  ]);
}

/** Tasks that wait for a completion that was received already. */
async function tasksWithEarlyCompletion(
  { store }: Ports<"store">,
  waiting: readonly StoredLog[],
): Promise<readonly string[]> {
  const awaiting = waiting.filter(({ log }) => awaitsCompletion(log));
  const found = await withBoundedConcurrency(awaiting, ({ log }) => hasEarlyCompletion(store, log));
  return awaiting.filter((_, index) => found[index]).map(({ log }) => log.taskId);
}

/** Logs an error for a batch that makes no progress although its messages are published again. */
function logIfStalled({ logger }: Ports<"logger">, batch: TaskBatch, idleMs: number, missing: number): void {
  if (missing === 0 || idleMs < limits.stalledSeconds * 1_000) return;
  const { batchId, workflowId } = batch;
  logger.error("a batch does not move", { batchId, workflowId, idleSeconds: Math.round(idleMs / 1_000) });
}
