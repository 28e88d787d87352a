import { status } from "@grpc/grpc-js";
import { GrpcError } from "../kit/grpc-server.ts";
import type { Meter } from "../kit/meter.ts";

/** As publishers send it. */
export interface NewMessage {
  readonly data: Buffer;
  readonly attributes: Readonly<Record<string, string>>;
  readonly orderingKey: string;
}

export interface PublishedMessage extends NewMessage {
  readonly messageId: string;
  readonly publishedAt: Date;
  readonly topic: string;
}

const mostMessages = 1_000;
const mostRequestBytes = 10_000_000;
const mostAttributes = 100;
const mostKeyBytes = 256;
const mostValueBytes = 1_024;
/** Every publish and every delivery is billed as at least that much. */
const leastBilledBytes = 1_000;

export function bytesOf({ data, attributes }: NewMessage): number {
  let bytes = data.length;
  for (const [key, value] of Object.entries(attributes)) {
    bytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  return bytes;
}

export function billedBytes(bytes: number): number {
  return Math.max(leastBilledBytes, bytes);
}

/** Refuses what Google refuses, with INVALID_ARGUMENT: the whole request, when one message of it is wrong. */
export function checkMessages(messages: readonly NewMessage[]): void {
  if (messages.length === 0) refuse("The request has no messages; the least is 1");
  if (messages.length > mostMessages) {
    refuse(`The request has ${messages.length} messages; the most is ${mostMessages}`);
  }
  let bytes = 0;
  for (const message of messages) {
    checkMessage(message);
    bytes += bytesOf(message);
  }
  if (bytes > mostRequestBytes) {
    refuse(`The request payload has ${bytes} bytes; the most is ${mostRequestBytes}`);
  }
}

function checkMessage({ data, attributes }: NewMessage): void {
  const entries = Object.entries(attributes);
  if (data.length === 0 && entries.length === 0) {
    refuse("A message is empty. Each must contain either non-empty data, or at least one attribute.");
  }
  if (entries.length > mostAttributes) {
    refuse(`A message has ${entries.length} attributes; the most is ${mostAttributes}`);
  }
  for (const [key, value] of entries) {
    if (key === "") refuse("An attribute has an empty key");
    if (key.startsWith("goog")) refuse(`The attribute ${key}: keys may not begin with "goog"`);
    if (Buffer.byteLength(key) > mostKeyBytes)
      refuse(`The key of an attribute is over ${mostKeyBytes} bytes`);
    if (Buffer.byteLength(value) > mostValueBytes) {
      refuse(`The value of the attribute ${key} is over ${mostValueBytes} bytes`);
    }
  }
}

/** Counts a publish request as Google bills it. */
export function billPublish(meter: Meter, messages: readonly NewMessage[]): void {
  const bytes = messages.reduce((sum, message) => sum + bytesOf(message), 0);
  meter.add("publish_requests");
  meter.add("messages_published", messages.length);
  meter.add("published_bytes", billedBytes(bytes));
}

function refuse(message: string): never {
  throw new GrpcError(status.INVALID_ARGUMENT, message);
}
