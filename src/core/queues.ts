import * as z from "zod";
import { limits } from "./limits.ts";
import { CALLBACK_QUEUE, CONTROL_QUEUE } from "./messages.ts";
import { NameSchema } from "./values/text.ts";

/** So many messages in so many seconds, evenly spread. */
export interface QueueRate {
  readonly messages: number;
  readonly perSeconds: number;
}

/** What the tasks of one queue are allowed: by one process of the embedded engine, by a whole deployment on Google Cloud. */
export interface QueueSettings {
  /** Tasks that run at the same time. */
  readonly concurrency: number;
  /** How fast tasks are begun. Absent: as fast as there is room. */
  readonly rate?: QueueRate;
}

const unitSeconds = { s: 1, m: 60, h: 3_600 };

/** As it is written: `2/s`. */
export function formatRate({ messages, perSeconds }: QueueRate): string {
  const [unit = "s"] = Object.entries(unitSeconds).find(([, seconds]) => seconds === perSeconds) ?? [];
  return `${messages}/${unit}`;
}

const EntrySchema = z
  .object({
    name: NameSchema,
    concurrency: z.coerce.number().int().min(1).max(limits.queueConcurrency),
    rate: z.coerce.number().int().min(1).max(limits.queueRateMessages).optional(),
    unit: z.enum(["s", "m", "h"]).default("s"),
  })
  .transform(({ name, concurrency, rate, unit }): { name: string; settings: QueueSettings } => {
    if (rate === undefined) return { name, settings: { concurrency } };
    return { name, settings: { concurrency, rate: { messages: rate, perSeconds: unitSeconds[unit] } } };
  });

const entryForm = /^(?<name>[^=]*)=(?<concurrency>\d+)(?:@(?<rate>\d+)\/(?<unit>[a-z]+))?$/;

/** Settings of queues by name, written `documents=2,websites=4@2/s`. Every entry that is wrong is an issue of its own. */
export const QueuesSchema = z.string().transform((text, context): ReadonlyMap<string, QueueSettings> => {
  const queues = new Map<string, QueueSettings>();
  const refuse = (entry: string, problem: string) =>
    context.addIssue({ code: "custom", message: `"${entry}": ${problem}` });
  if (text.trim() === "") return queues;
  for (const entry of text.split(",").map((part) => part.trim())) {
    const form = entryForm.exec(entry);
    if (!form) {
      refuse(entry, "expected name=concurrency or name=concurrency@rate/unit, such as websites=4@2/s");
      continue;
    }
    const parsed = EntrySchema.safeParse(form.groups);
    if (!parsed.success)
      for (const { path, message } of parsed.error.issues) refuse(entry, `${path.join(".")}: ${message}`);
    else if (queues.has(parsed.data.name)) refuse(entry, `queue ${parsed.data.name} is named twice`);
    else queues.set(parsed.data.name, parsed.data.settings);
  }
  return queues;
});

/** How many tasks of a queue Cloud Tasks begins in a second; without a rate, as many as it can. */
export function dispatchesPerSecond({ rate }: QueueSettings): number {
  return rate ? rate.messages / rate.perSeconds : limits.dispatchesPerSecond;
}

/** Why Cloud Tasks can't have a queue of this name and settings; undefined: it can. */
export function limitProblem(queue: string, settings: QueueSettings): string | undefined {
  if (settings.concurrency > limits.dispatchesAtOnce)
    return `Cloud Tasks runs ${limits.dispatchesAtOnce} tasks of a queue at once, at most`;
  if (dispatchesPerSecond(settings) > limits.dispatchesPerSecond)
    return `Cloud Tasks begins ${limits.dispatchesPerSecond} tasks of a queue in a second, at most`;
  if (queue.includes("_")) return "Cloud Tasks allows no _ in the name of a queue; write -";
  return undefined;
}

/** Ids of the topics that carry Baton's messages: one for each queue, so that no queue waits for another. */
export function topicName(prefix: string, queue: string): string {
  switch (queue) {
    case CONTROL_QUEUE:
      return `${prefix}-control`;
    case CALLBACK_QUEUE:
      return `${prefix}-callbacks`;
    default:
      return `${prefix}-queue-${queue}`;
  }
}

/** Id of the Cloud Tasks queue that holds the messages of a queue with limits of its own: it stands in for the topic. */
export function taskQueueName(prefix: string, queue: string): string {
  return topicName(prefix, queue);
}

/** Attribute of a message that such a queue has delivered: the name of its queue. */
export const viaQueueAttribute = "baton-lane";

/** Id of the push subscription of a topic. */
export function subscriptionName(topic: string): string {
  return `${topic}-push`;
}
