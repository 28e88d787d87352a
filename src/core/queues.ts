import * as z from "zod";
import { limits } from "./limits.ts";
import { CALLBACK_QUEUE, CONTROL_QUEUE } from "./messages.ts";
import { NameSchema } from "./values/text.ts";

/** `messages` in each period of `perSeconds`, evenly spread. */
export interface QueueRate {
  readonly messages: number;
  readonly perSeconds: number;
}

/**
 * Limits of one queue. They hold for each process of the embedded engine, and for a whole deployment on Google Cloud.
 */
export interface QueueSettings {
  /** Tasks that run at the same time. */
  readonly concurrency: number;
  /** How fast tasks start. Absent: as fast as `concurrency` allows. */
  readonly rate?: QueueRate;
}

const unitSeconds = { s: 1, m: 60, h: 3_600 };

/** The form in BATON_QUEUES: `2/s`. */
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

/** Settings of queues by name, parsed from `documents=2,websites=4@2/s`. Each invalid entry is an issue of its own. */
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

/** The rate of a Cloud Tasks queue in tasks a second; without a configured rate the maximum of Cloud Tasks. */
export function dispatchesPerSecond({ rate }: QueueSettings): number {
  return rate ? rate.messages / rate.perSeconds : limits.dispatchesPerSecond;
}

/** Why Cloud Tasks refuses a queue with this name and these settings. Undefined if it accepts them. */
export function limitProblem(queue: string, settings: QueueSettings): string | undefined {
  if (settings.concurrency > limits.concurrentDispatches)
    return `Cloud Tasks runs ${limits.concurrentDispatches} tasks of a queue at once, at most`;
  if (dispatchesPerSecond(settings) > limits.dispatchesPerSecond)
    return `Cloud Tasks starts ${limits.dispatchesPerSecond} tasks of a queue in a second, at most`;
  if (queue.includes("_")) return "Cloud Tasks allows no _ in the name of a queue; write -";
  return undefined;
}

/** Id of the topic of a queue. Each queue has its own topic, so that none waits for another. */
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

/** Id of the Cloud Tasks queue that holds the messages of a queue with limits, in place of its topic. */
export function taskQueueName(prefix: string, queue: string): string {
  return topicName(prefix, queue);
}

/** Attribute that names the queue of a message which Cloud Tasks has delivered. */
export const viaQueueAttribute = "baton-lane";

/** Id of the push subscription of a topic. */
export function subscriptionName(topic: string): string {
  return `${topic}-push`;
}
