import { CALLBACK_QUEUE, CONTROL_QUEUE } from "./messages.ts";

/** Ids of the topics that carry Baton's messages: one for each queue, so that no queue waits for another. */
export function topicOf(prefix: string, queue: string): string {
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
export function taskQueueOf(prefix: string, queue: string): string {
  return topicOf(prefix, queue);
}

/** Attribute of a message that such a queue has delivered: the name of its queue. */
export const laneAttribute = "baton-lane";

/** Id of the push subscription of a topic. */
export function subscriptionOf(topic: string): string {
  return `${topic}-push`;
}
