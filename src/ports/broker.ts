import type { Message } from "../core/messages.ts";
import type { MaybePromise } from "./store.ts";

export interface OutgoingMessage {
  readonly queue: string;
  readonly message: Message;
}

/**
 * Carries messages to the handler, at least once and in no order. A publish that returned is as durable as the
 * store's last commit: call the store's `sync` before you acknowledge anything that depends on it.
 */
export interface Broker {
  publish(messages: readonly OutgoingMessage[]): MaybePromise<void>;
}

/** Carries messages to the handler at a later time. */
export interface Timer {
  /** The message may come late, or more than once. It never comes earlier than by the difference of the clocks. */
  schedule(message: OutgoingMessage, delayMs: number): MaybePromise<void>;
}

export interface Delivery {
  readonly message: Message;
  /** 1 for the first delivery. Always 1 if the transport does not count deliveries. */
  readonly deliveryAttempt: number;
  /** When the message was published, if the transport knows: milliseconds since 1970, by the transport's clock. */
  readonly publishedAt?: number | undefined;
  /** The queue that delivered it, if the transport enforces the limits of that queue. */
  readonly queue?: string | undefined;
  /**
   * Frees the slot of this delivery for another message. Call it when only the write to the disk is left to wait for.
   */
  readonly release?: (() => void) | undefined;
}

/** Resolves to acknowledge the message; rejects for a redelivery. */
export type MessageHandler = (delivery: Delivery) => Promise<unknown>;
