import type { Message } from "../core/messages.ts";

export interface OutgoingMessage {
  /** The lane it waits in. */
  readonly queue: string;
  readonly message: Message;
}

/**
 * Carries messages to the handler, at least once and in no order. A publish that returned is as durable as the
 * store's last commit: await the store's `sync` before acknowledging anything because of it.
 */
export interface Broker {
  publish(messages: readonly OutgoingMessage[]): Promise<void>;
}

/** Carries messages to the handler at a later time. */
export interface Timer {
  /** May come late, and more than once; never early by more than the machines' clocks differ. */
  schedule(message: OutgoingMessage, delayMs: number): Promise<void>;
}

/** One delivery of a message to the handler. */
export interface Delivery {
  readonly message: Message;
  /** 1 for the first delivery, where the transport knows. */
  readonly deliveryAttempt: number;
  /** When it was published, where the transport knows; milliseconds since 1970, by the transport's clock. */
  readonly publishedAt?: number | undefined;
  /** The queue it came through, where the transport keeps the limits of that queue. */
  readonly queue?: string | undefined;
  /** Gives its place to another message; to be called when the work is done and only the disk is waited for. */
  readonly release?: (() => void) | undefined;
}

/** Resolves to acknowledge; rejects to have the message delivered again. */
export type MessageHandler = (delivery: Delivery) => Promise<unknown>;
