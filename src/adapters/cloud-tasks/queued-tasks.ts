import * as z from "zod";
import { limits } from "../../core/limits.ts";
import { type CloudTasksConnection, callOptions } from "./client.ts";

/** A task that is in a queue. */
interface QueuedTask {
  /** The last part of its full name. */
  readonly name: string;
  /** Milliseconds since 1970; moves with every try that failed. */
  readonly dueAt: number;
  /** Whether it has been sent: it is under way, or has failed and comes again. */
  readonly isTried: boolean;
}

/**
 * Names of the tasks of a queue that come without anybody's doing: at their turn, again after a failure, or soon. One that is
 * due later stands for nothing: what it waits for may have come. `now`: milliseconds since 1970. Throws what the client throws.
 */
export async function standingTasks(
  connection: CloudTasksConnection,
  queuePath: string,
  now: number,
): Promise<string[]> {
  const soon = now + limits.dueSoonSeconds * 1_000;
  const names: string[] = [];
  for await (const { name, dueAt, isTried } of queuedTasks(connection, queuePath))
    if (isTried || dueAt <= soon) names.push(name);
  return names;
}

/** Page by page, in no order. What comes and goes meanwhile may be among them or not. */
async function* queuedTasks(connection: CloudTasksConnection, parent: string): AsyncGenerator<QueuedTask> {
  const options = { ...callOptions, autoPaginate: false };
  const request = { parent, pageSize: limits.queuedTasksPage, responseView: "BASIC" as const };
  let pageToken = "";
  do {
    const token = pageToken;
    const [, , response] = await connection.call((client) =>
      client.listTasks({ ...request, pageToken: token }, options),
    );
    const page = TaskPageSchema.parse(response);
    for (const task of page.tasks ?? []) yield toQueuedTask(task);
    pageToken = page.nextPageToken ?? "";
  } while (pageToken !== "");
}

const ListedTaskSchema = z.object({
  name: z.string(),
  scheduleTime: z.object({ seconds: z.coerce.number().nullish(), nanos: z.number().nullish() }).nullish(),
  dispatchCount: z.number().nullish(),
});
const TaskPageSchema = z.object({
  tasks: z.array(ListedTaskSchema).nullish(),
  nextPageToken: z.string().nullish(),
});

function toQueuedTask({ name, scheduleTime, dispatchCount }: z.infer<typeof ListedTaskSchema>): QueuedTask {
  return {
    name: name.slice(name.lastIndexOf("/") + 1),
    dueAt: (scheduleTime?.seconds ?? 0) * 1_000 + (scheduleTime?.nanos ?? 0) / 1e6,
    isTried: Boolean(dispatchCount),
  };
}
