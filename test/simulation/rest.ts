import type { Callback } from "../../src/core/callback.ts";
import type { StoredResult, TaskBatch, TaskLog } from "../../src/core/records.ts";
import type { TaskDefinition } from "../../src/core/workflow/definition.ts";
import type { Documents } from "../../src/testing/world/documents.ts";
import type { Hostility } from "../../src/testing/world/faults.ts";
import type { SharedServices } from "../../src/testing/world/simulated-ports.ts";
import { type End, endOf, expectedEnds, fateOf, hasEnded, parentsFirst } from "./oracle.ts";
import { batchOf, callbackOf, definitionOf, findBatch, findLog } from "./parsed.ts";
import type { Receiver } from "./receiver.ts";
import { numberIn, outsideValue, valueFrom } from "./task-code.ts";
import type { SimulatedWorkflow, TaskPlan } from "./workload.ts";

/** A task that lost more is failed; written down a second time, or a wrong limit would be right by itself. */
const leasesThatMayBeLost = 10;

interface Sight {
  readonly services: SharedServices & { readonly receiver: Receiver };
  readonly workflows: readonly SimulatedWorkflow[];
}

/** Whether everything that was started has ended. */
export function isAtRest(documents: Documents, hostility: Hostility): boolean {
  const isRunning = documents.count("batches", { field: "status", equals: "RUNNING" }) > 0;
  return !isRunning && !documents.all("callbacks").map(callbackOf).some(isToBeSent(hostility));
}

/** The sweeper alone may send a dead process's copy of a callback for a task that was cancelled meanwhile. */
function isToBeSent(hostility: Hostility): (callback: Callback) => boolean {
  return ({ state, callbackId, eventId }) =>
    state === "PENDING" && (hostility === "hostile" || callbackId === eventId);
}

/** At rest everything is as the sequential oracle says, and every callback has been received. */
export function checkRest(sight: Sight, batchIds: readonly string[], hostility: Hostility): void {
  const { world, documents } = sight.services;
  for (const batchId of batchIds)
    if (!findBatch(documents, batchId)) world.violate("nothing-lost", `${batchId} was never started`);
  for (const document of documents.all("batches")) checkBatch(sight, batchOf(document));
  for (const callback of documents.all("callbacks").map(callbackOf).filter(isToBeSent(hostility)))
    world.violate("at-rest", `callback ${callback.callbackId} is ${callback.state}`);
}

function checkBatch(sight: Sight, batch: TaskBatch): void {
  const { world, documents } = sight.services;
  const { batchId, status } = batch;
  const definition = definitionOf(documents, batch.definitionHash);
  const logs = new Map(definition.tasks.map(({ id }) => [id, findLog(documents, batchId, id)]));
  const open = [...logs]
    .filter(([, log]) => !log || !hasEnded(log))
    .map(([id, log]) => `${id} ${log?.status ?? "NEW"}`);
  if (status === "RUNNING" || open.length > 0) {
    world.violate("at-rest", `${batchId} is ${status}; open: ${open.join(", ")}`);
    return;
  }
  const actual = (taskId: string): End => {
    const log = logs.get(taskId);
    return log ? endOf(log) : "NEW";
  };
  const plans = plansOf(sight, batch.workflowId);
  const ran = (task: TaskDefinition) => endsOf(task, plans, logs.get(task.id));
  const expected = expectedEnds(definition, ran, actual, batch.cancelRequested ? ["CANCELLED"] : []);
  for (const [taskId, ends] of expected)
    if (!ends.includes(actual(taskId)))
      world.violate("equals-the-oracle", `${batchId}/${taskId}: ${actual(taskId)}, not ${ends.join(" or ")}`);
  const ends = [...expected.keys()].map(actual);
  const due = ends.includes("CANCELLED") ? "CANCELLED" : ends.includes("ERROR") ? "ERROR" : "SUCCESS";
  if (status !== due) world.violate("status-follows", `${batchId} is ${status}, not ${due}`);
  checkResults(sight, batch, parentsFirst(definition), logs);
  for (const task of definition.tasks) checkCallback(sight, task, logs.get(task.id));
  for (const [taskId, log] of logs) checkAttempts(sight, plans.get(taskId), log);
  checkInherited(sight, batch, parentsFirst(definition), logs);
}

/** A failing task uses all its attempts, and no more. A lost or released attempt counts as no failure. */
function checkAttempts(
  { services: { world } }: Sight,
  plan: TaskPlan | undefined,
  log: TaskLog | undefined,
): void {
  if (!plan || log?.status !== "ERROR" || log.error?.code === "TASK_LOST_TOO_OFTEN") return;
  const isRetried =
    plan.ending === "hangs" || (plan.ending === "fails" && plan.wait !== "completion" && plan.heedsAbort);
  const failures = isRetried ? plan.attempts : 1;
  if (log.failures !== failures || log.attempt < failures)
    world.violate(
      "tried-as-often-as-defined",
      `${log.batchId}/${log.taskId}: ${log.failures} failures, not ${failures}`,
    );
}

const keptByRetry: readonly End[] = ["SUCCESS", "SKIPPED condition_not_met", "SKIPPED skipped_by_task"];

/** A retry does nothing again that need not be done again. */
function checkInherited(
  { services: { world, documents } }: Sight,
  { batchId, startedBy }: TaskBatch,
  tasks: readonly TaskDefinition[],
  logs: ReadonlyMap<string, TaskLog | undefined>,
): void {
  const [, before] = /^retry of (.*)$/.exec(startedBy) ?? [];
  if (before === undefined) return;
  const kept = new Map<string, End>();
  for (const task of tasks) {
    const log = findLog(documents, before, task.id);
    const end = log && endOf(log);
    if (!end || !task.after.every((id) => kept.has(id))) continue;
    const fate = fateOf(task, (id) => kept.get(id) ?? "");
    if (fate === "runs" ? keptByRetry.includes(end) : end === fate) kept.set(task.id, end);
  }
  for (const [taskId, log] of logs)
    if ((log?.reason === "inherited") !== (kept.get(taskId) === "SUCCESS"))
      world.violate("successes-are-inherited", `${batchId}/${taskId}: ${log?.status} ${log?.reason}`);
}

function plansOf({ workflows }: Sight, workflowId: string): ReadonlyMap<string, TaskPlan> {
  return workflows.find(({ id }) => id === workflowId)?.plans ?? new Map();
}

/** How a task ends that runs. */
function endsOf(task: TaskDefinition, plans: ReadonlyMap<string, TaskPlan>, log: TaskLog | undefined): End[] {
  const plan = plans.get(task.id);
  if (plan?.condition === "fails") return ["SKIPPED condition_not_met"];
  const success = plan?.skipsItself ? "SKIPPED skipped_by_task" : "SUCCESS";
  const ends = plan?.ending === "succeeds" || plan?.ending === "flaky" ? [success] : ["ERROR"];
  if (task.idempotency?.onLocked === "skip") ends.push("SKIPPED lock_held");
  const wasLost = log?.error?.code === "TASK_LOST_TOO_OFTEN" && log.lostLeases >= leasesThatMayBeLost;
  return wasLost ? [...ends, "ERROR"] : ends;
}

function checkResults(
  sight: Sight,
  { batchId, workflowId }: TaskBatch,
  tasks: readonly TaskDefinition[],
  logs: ReadonlyMap<string, TaskLog | undefined>,
): void {
  const plans = plansOf(sight, workflowId);
  const values = new Map<string, number>();
  for (const { id } of tasks) {
    const log = logs.get(id);
    const plan = plans.get(id);
    if (!plan || log?.status !== "SUCCESS") continue;
    const value = expectedValue(plan, (parent) => values.get(parent) ?? logs.get(parent)?.status ?? "");
    values.set(id, value);
    const found = numberIn(contentOf(sight.services, log.result));
    if (found !== value)
      sight.services.world.violate("equals-the-oracle", `${batchId}/${id} gave ${found}, not ${value}`);
  }
}

function expectedValue(plan: TaskPlan, seen: (parent: string) => string | number): number {
  if (plan.wait === "completion") return outsideValue(plan.id);
  return valueFrom(plan.id, plan.seesParents ? plan.after.map(seen) : []);
}

function contentOf({ objects }: SharedServices, result: StoredResult | null): unknown {
  if (!result) return null;
  if ("value" in result) return result.value;
  const content = objects.get(`${result.bucket}/${result.object}`);
  return content && JSON.parse(new TextDecoder().decode(content));
}

/** A task that ran, or found its work done, has sent its callback, and the receiver has accepted it. */
function checkCallback({ services }: Sight, task: TaskDefinition, log: TaskLog | undefined): void {
  const { documents, receiver, world } = services;
  const reports = log?.status === "SUCCESS" ? log.reason !== "inherited" : log?.status === "ERROR";
  if (!task.callback || !log || !reports) return;
  const name = `${log.batchId}/${task.id}`;
  if (!receiver.notified.has(name))
    world.violate("callback-delivered", `${name} ended ${log.status} and its callback was not received`);
  const callbacks = documents.all("callbacks").map(callbackOf);
  const own = callbacks.find(({ batchId, taskId }) => `${batchId}/${taskId}` === name);
  if (own?.type !== "task.completed" || !own.target.archive) return;
  if (!own.archived || !receiver.archived.has(own.eventId)) world.violate("callback-archived", name);
}
