import { Argument, type Command } from "commander";
import type { App } from "../../app/app.ts";
import type { Configuration } from "../../configuration/configuration.ts";
import type { Idempotency } from "../../core/idempotency-key.ts";
import type { QueueRate } from "../../core/queues.ts";
import { formatDuration } from "../../core/values/duration.ts";
import type { ActiveTask, CachedResult, Lock, Stats } from "../../core/views/views.ts";
import { queueNames, type TaskDefinition } from "../../core/workflow/definition.ts";
import type { Listing } from "../../engine/queries/batch-list.ts";
import type { DeployedWorkflow } from "../../ports/catalog.ts";
import { wholeNumber } from "../arguments.ts";
import { table, triggerJson, triggerText } from "../output/text.ts";
import type { Session } from "../session.ts";
import { reportCorruptDocuments, reportProblems, withApp } from "../with-app.ts";

function activeTable(tasks: readonly ActiveTask[]): string {
  const head = ["BATCH", "TASK", "STATUS", "REASON", "ATTEMPT", "WORKER", "SINCE", "DUE", "KEY"];
  return table(
    head,
    tasks.map((task) => [
      task.batchId,
      task.taskId,
      task.status,
      task.reason ?? "",
      String(task.attempt),
      task.worker ?? "",
      task.since,
      task.due ?? "",
      task.key ?? "",
    ]),
  );
}

function lockTable(locks: readonly Lock[]): string {
  return table(
    ["KEY", "BATCH", "TASK", "ATTEMPT", "WORKER", "UNTIL"],
    locks.map(({ key, batchId, taskId, attempt, worker, until, isOver }) => [
      key,
      batchId,
      taskId,
      String(attempt),
      worker,
      isOver ? `${until} (over)` : until,
    ]),
  );
}

function resultTable(results: readonly CachedResult[]): string {
  return table(
    ["KEY", "BATCH", "TASK", "ATTEMPT", "AT", "UNTIL", "RESULT"],
    results.map(({ key, producedBy, until, result }) => [
      key,
      producedBy?.batchId ?? "",
      producedBy?.taskId ?? "",
      String(producedBy?.attempt ?? ""),
      producedBy?.endedAt ?? "",
      until,
      result,
    ]),
  );
}

interface QueueBacklog {
  readonly queue: string;
  readonly messages: number;
  readonly due: number;
}

function statsText(stats: Stats, queues: readonly QueueBacklog[]): string {
  const { batches, executions, callbacks, deadLetters } = stats;
  const groups: Readonly<Record<string, Readonly<Record<string, number>>>> = {
    batches,
    "execution records": executions,
    callbacks,
    "dead letters": { total: deadLetters.total, "not replayed": deadLetters.notReplayed },
  };
  const rows = Object.entries(groups).flatMap(([group, counts]) =>
    Object.entries(counts).map(([name, count], index) => [index === 0 ? group : "", name, String(count)]),
  );
  const backlog = queues.map(({ queue, messages, due }) => [queue, String(messages), String(due)]);
  return `${table(["WHAT", "STATE", "NUMBER"], rows)}\n\n${table(["QUEUE", "MESSAGES", "DUE"], backlog)}`;
}

function queueText(concurrency: number, rate: QueueRate | null): string {
  if (rate === null) return `${concurrency} at once`;
  return `${concurrency} at once, ${rate.messages} per ${formatDuration(rate.perSeconds * 1_000)}`;
}

/** The workflows with the policies of their tasks, and the queues of this process. */
function registeredJson(workflows: readonly DeployedWorkflow[], configuration: Configuration) {
  return { workflows: workflows.map(workflowJson), queues: listQueues(workflows, configuration) };
}

function workflowJson({ definition, triggers }: DeployedWorkflow) {
  const tasks = definition.tasks.map(({ id, type, after, queue, retry, timeoutSeconds, ...task }) => ({
    taskId: id,
    type,
    after,
    queue,
    retry,
    timeoutSeconds,
    idempotency: task.idempotency ?? null,
    callback: task.callback ?? null,
  }));
  return { workflowId: definition.workflowId, tasks, triggers: triggers.map(triggerJson) };
}

/** The configured queues, and the others that tasks use. */
function listQueues(workflows: readonly DeployedWorkflow[], { queues, concurrency }: Configuration) {
  const named = queueNames(workflows);
  return [...new Set([...queues.keys(), ...named])].sort().map((queue) => {
    const settings = queues.get(queue);
    return {
      queue,
      concurrency: settings?.concurrency ?? concurrency,
      rate: settings?.rate ?? null,
      isConfigured: settings !== undefined,
    };
  });
}

function registeredText(workflows: readonly DeployedWorkflow[], configuration: Configuration): string {
  const tasks = workflows.flatMap(({ definition, triggers }) => [
    ...triggers.map((trigger) => [definition.workflowId, "", triggerText(trigger)]),
    ...definition.tasks.map((task) => [
      definition.workflowId,
      task.id,
      task.type,
      task.queue,
      retryText(task),
      task.idempotency ? idempotencyText(task.idempotency) : "",
      task.callback?.url ?? "",
    ]),
  ]);
  const queues = listQueues(workflows, configuration).map(({ queue, concurrency, rate }) => [
    queue,
    queueText(concurrency, rate),
  ]);
  const head = ["WORKFLOW", "TASK", "TYPE OR TRIGGER", "QUEUE", "RETRY", "IDEMPOTENCY", "CALLBACK"];
  return `${table(head, tasks)}\n\n${table(["QUEUE", "TASKS"], queues)}`;
}

function retryText({ retry }: TaskDefinition): string {
  const { maxAttempts, initialSeconds, factor } = retry;
  if (maxAttempts === 1) return "one attempt";
  return `${maxAttempts} attempts, ${formatDuration(initialSeconds * 1_000)} ×${factor}`;
}

function idempotencyText({ key, scope, ttlSeconds, onLocked, recurring }: Idempotency): string {
  const by = key.by === "fields" ? key.fields.join(", ") : key.by;
  const lifetime = recurring ? "recurring" : formatDuration(ttlSeconds * 1_000);
  return `by ${by} (${scope}), ${lifetime}, ${onLocked}`;
}

interface Options {
  readonly limit: number;
  readonly json?: true;
}

type View = (session: Session, app: App, options: Options) => Promise<void>;

const views: Readonly<Record<string, View>> = {
  active: async (session, { engine }, options) =>
    list(session, options, await engine.admin.inspection.active(options.limit), activeTable),
  registered,
  stats,
  locks: async (session, { engine }, options) =>
    list(session, options, await engine.admin.inspection.locks(options.limit), lockTable),
  results: async (session, { engine }, options) =>
    list(session, options, await engine.admin.inspection.results(options.limit), resultTable),
};

export function registerInspect(program: Command, session: Session): void {
  program
    .command("inspect")
    .description("show running and waiting tasks, registered workflows, numbers, locks and cached results")
    .addArgument(new Argument("<what>", "what to look at").choices(Object.keys(views)))
    .option("--limit <number>", "maximum number of rows", wholeNumber(1, 1_000_000), 1_000)
    .option("--json", "print JSON")
    .addHelpText("after", "\nExample:\n  baton inspect active")
    .action((what: string, options: Options) =>
      withApp(
        session,
        async (app) => views[what]?.(session, app, options),
        what === "registered" ? "workflows" : "reads",
      ),
    );
}

function list<Row>(
  session: Session,
  { json }: Options,
  { rows, hasMore, unreadable }: Listing<Row>,
  formatTable: (rows: readonly Row[]) => string,
): void {
  if (json) session.json(rows);
  else session.print(formatTable(rows));
  if (hasMore) session.note("There are more: raise --limit.");
  reportCorruptDocuments(session, unreadable);
}

async function registered(session: Session, app: App, { json }: Options): Promise<void> {
  const workflows = await app.folder.all();
  await reportProblems(session, app);
  if (json) session.json(registeredJson(workflows, app.configuration));
  else session.print(registeredText(workflows, app.configuration));
}

async function stats(session: Session, app: App, { json }: Options): Promise<void> {
  const numbers = await app.engine.admin.inspection.stats();
  const queues = app.waiting();
  if (json) session.json({ ...numbers, queues });
  else session.print(statsText(numbers, queues));
  reportCorruptDocuments(session, numbers.unreadable);
}
