import { laneAttribute } from "../../core/topics.ts";
import type { OutgoingMessage } from "../../ports/broker.ts";
import { type Seal, topicMessage } from "./message.ts";

/**
 * The body that a push of the message would have, for whoever calls the function in Pub/Sub's place; it tells which queue it
 * came through. `publishedAt`: milliseconds since 1970.
 */
export function pushBody({ message, queue }: OutgoingMessage, seal: Seal, publishedAt: number): Buffer {
  const { data, attributes: usual } = topicMessage(message, seal);
  const attributes = { ...usual, [laneAttribute]: queue };
  const publishTime = new Date(publishedAt).toISOString();
  return Buffer.from(JSON.stringify({ message: { data: data.toString("base64"), attributes, publishTime } }));
}
