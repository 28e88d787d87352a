import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { type Message, MessageSchema } from "../core/messages.ts";
import type { DeadLetter } from "../core/records.ts";
import type { Engine } from "../engine/engine.ts";
import type { Delivery } from "../ports/broker.ts";
import type { DeliveryReport, Intake } from "./http-handler.ts";
import type { EntryRequest, RequestHeaders } from "./parse-message.ts";
import { parseRequest } from "./parse-request.ts";

/**
 * Calls the handler of the message's kind; messages to tasks have a shorter way. Returns the id of the batch that the
 * message started, if it did.
 */
async function route(
  engine: Engine,
  message: Exclude<Message, { kind: "task" }>,
): Promise<string | undefined> {
  switch (message.kind) {
    case "start":
      return (await engine.start(message)).batchId;
    case "object":
      return (await engine.startByObject(message))[0]?.batchId;
    case "redrive":
      await engine.redrive(message.batchId);
      return undefined;
    case "event":
      await engine.receiveEvent(message);
      return undefined;
    case "callback":
      await engine.deliverCallback(message.callbackId);
      return undefined;
    case "sweep":
      await engine.sweep(message);
      return undefined;
    case "tick":
      await engine.tick();
      return undefined;
  }
}

/** Handles one message and reports its outcome. Rejects if the message must be delivered again. */
export type Deliver = (delivery: Delivery) => Promise<DeliveryReport>;

/** Receives the messages of every transport, from the HTTP entry and from the embedded broker. */
export class MessageIntake implements Intake {
  readonly #engine: Engine;
  readonly #attempts: number;
  #active = 0;
  #stopping = false;
  /** Resolved when it is stopping and the last delivery has ended. */
  readonly #idle = Promise.withResolvers<void>();
  readonly deliver: Deliver;

  /**
   * `attempts`: number of failed deliveries after which a message becomes a dead letter although its error is
   * retryable. `around` wraps each delivery, for example in a trace.
   */
  constructor(
    engine: Engine,
    attempts: number = limits.deliveryAttempts,
    around: (deliver: Deliver) => Deliver = (deliver) => deliver,
  ) {
    this.#engine = engine;
    this.#attempts = attempts;
    this.deliver = around((delivery) => this.#deliver(delivery));
  }

  /** From now on every delivery is rejected, so that another process receives it. */
  stop(): void {
    this.#stopping = true;
  }

  /** Resolves when all running deliveries have ended, whether or not they failed. Call it after `stop`. */
  async settled(): Promise<void> {
    if (this.#active > 0) await this.#idle.promise;
  }

  async #deliver({ message, deliveryAttempt, queue, release }: Delivery): Promise<DeliveryReport> {
    if (this.#stopping) throw new BatonError("SHUTTING_DOWN", "This process is stopping");
    const unit = this.#engine.begin();
    let batchId: string | undefined;
    this.#active += 1;
    try {
      if (message.kind === "task") {
        const handled = this.#engine.handleTask(message, { unit, queue });
        if (handled instanceof Promise) await handled;
      } else batchId = await route(this.#engine, message);
      release?.();
      const durable = unit.durable();
      if (durable instanceof Promise) await durable;
      return { outcome: "done", batchId };
    } catch (thrown) {
      return await this.#deadLetter(message, toFinalError(thrown, deliveryAttempt, this.#attempts));
    } finally {
      this.#active -= 1;
      if (this.#stopping && this.#active === 0) this.#idle.resolve();
    }
  }

  /** Stores a request that could not be parsed as a dead letter. */
  reject({ body, headers }: EntryRequest, { code, message }: BatonError): Promise<string> {
    const reason = { code, message, source: "http", headers: routingHeaders(headers) };
    return this.#engine.deadLetters.keep(body, reason);
  }

  /** The message of a dead letter, for a replay. Throws `DEAD_LETTER_UNKNOWN`, or the error of parsing it. */
  async parseDeadLetter(deadLetterId: string): Promise<Message> {
    const { deadLetters } = this.#engine;
    const letter = await deadLetters.read(deadLetterId);
    const message = parseBody(await deadLetters.bodyOf(letter), letter);
    return message.kind === "task" ? { ...message, redrive: true } : message;
  }

  async #deadLetter(message: Message, error: BatonError): Promise<DeliveryReport> {
    const body = Buffer.from(JSON.stringify(message));
    const { code, remedy } = error;
    const reason = { code, message: error.message, source: "broker" };
    const deadLetterId = await this.#engine.deadLetters.keep(body, reason);
    return { outcome: "dead-lettered", deadLetterId, code, message: error.message, remedy };
  }
}

/** The error that makes the message a dead letter. Throws if the message must be delivered again. */
function toFinalError(thrown: unknown, deliveryAttempt: number, attempts: number): BatonError {
  if (thrown instanceof BatonError && thrown.disposition === "dead-letter") return thrown;
  if (deliveryAttempt < attempts) throw thrown;
  return new BatonError(
    "DELIVERY_EXHAUSTED",
    `It failed ${deliveryAttempt} times. The last error: ${errorMessage(thrown)}`,
    { cause: thrown },
  );
}

const routingHeader = /^(content-type|ce-.*|x-goog-pubsub-.*)$/;

/** The headers that parsing needs. Others may be secret and are not stored. */
function routingHeaders(headers: RequestHeaders): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value !== undefined && routingHeader.test(name) ? [[name, value] as const] : [],
  );
  return Object.fromEntries(entries);
}

function parseBody(body: Uint8Array, { source, headers }: DeadLetter): Message {
  // The broker carried a parsed message. A request is parsed again, as one without a seal.
  if (source === "broker") return MessageSchema.parse(JSON.parse(new TextDecoder().decode(body)));
  const parsed = parseRequest({ headers, body });
  if ("ignored" in parsed) throw new BatonError("BODY_NOT_AN_EVENT", parsed.ignored);
  return parsed.message;
}
