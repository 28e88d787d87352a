import type { Message } from "../../core/messages.ts";
import { type Seal, topicMessage } from "./message.ts";

/** The body that a push of the message would have, for whoever calls the function in Pub/Sub's place. `publishedAt`: milliseconds since 1970. */
export function pushBody(message: Message, seal: Seal, publishedAt: number): Buffer {
  const { data, attributes } = topicMessage(message, seal);
  const publishTime = new Date(publishedAt).toISOString();
  return Buffer.from(JSON.stringify({ message: { data: data.toString("base64"), attributes, publishTime } }));
}
