import { topicOf } from "../../core/topics.ts";
import type { OutgoingMessage } from "../../ports/broker.ts";
import type { PubSubSettings } from "./broker.ts";
import { type Seal, topicMessage } from "./message.ts";

/** The request by which somebody else publishes a message, through the REST interface of Pub/Sub at the endpoint. */
export function publishRequest(
  { projectId, topicPrefix }: PubSubSettings,
  endpoint: string,
  { queue, message }: OutgoingMessage,
  seal: Seal,
): { readonly url: string; readonly body: Buffer } {
  const topic = `projects/${projectId}/topics/${topicOf(topicPrefix, queue)}`;
  const { data, attributes } = topicMessage(message, seal);
  const body = { messages: [{ data: data.toString("base64"), attributes }] };
  return { url: `${endpoint}/v1/${topic}:publish`, body: Buffer.from(JSON.stringify(body)) };
}
