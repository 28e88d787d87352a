import type { Message } from "../../core/messages.ts";
import { sealAttribute } from "../../core/seal.ts";

/** A message as a topic carries it. */
export interface TopicMessage {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
}

/** Makes the seal of a message's data; undefined: there is none to be had. */
export type Seal = (data: Uint8Array) => string | undefined;

/** Attributes say what a subscription may filter by; the seal shows that Baton sent it. */
export function topicMessage(message: Message, seal: Seal): TopicMessage {
  const data = Buffer.from(JSON.stringify(message));
  const attributes = attributesOf(message);
  const sealed = seal(data);
  return { data, attributes: sealed === undefined ? attributes : { ...attributes, [sealAttribute]: sealed } };
}

function attributesOf(message: Message): Record<string, string> {
  const attributes: Record<string, string> = { kind: message.kind };
  if ("batchId" in message) attributes.batchId = message.batchId;
  if ("workflowId" in message) attributes.workflowId = message.workflowId;
  if (message.kind === "task") attributes.taskId = message.previousTaskId ?? message.taskId;
  return attributes;
}
