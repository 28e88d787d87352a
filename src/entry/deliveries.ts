import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { type Message, MessageSchema } from "../core/messages.ts";
import type { DeadLetter } from "../core/records.ts";
import type { Engine } from "../engine/engine.ts";
import type { UnitOfWork } from "../engine/unit-of-work.ts";
import type { Delivery } from "../ports/broker.ts";
import type { DeliveryReport, Intake } from "./http-handler.ts";
import { parseRequest } from "./parse-request.ts";
import type { EntryRequest, RequestHeaders } from "./request.ts";

/** Gives a message to the handler of its kind; for what starts a batch, the id of that batch. */
async function route(
  engine: Engine,
  { message, queue }: Pick<Delivery, "message" | "queue">,
  unit: UnitOfWork,
): Promise<string | undefined> {
  switch (message.kind) {
    case "task":
      await engine.handleTask(message, { unit, queue });
      return undefined;
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

/** Hands on one message, and reports what became of it; rejects to have it delivered again. */
export type Deliver = (delivery: Delivery) => Promise<DeliveryReport>;

/** Takes in messages of every transport: the same for the HTTP function and the embedded broker. */
export class MessageIntake implements Intake {
  readonly #engine: Engine;
  readonly #attempts: number;
  readonly #active = new Set<Promise<unknown>>();
  #stopping = false;
  readonly deliver: Deliver;

  /**
   * `attempts`: failed deliveries after which a message that may still succeed is given up. `around` may add to each
   * delivery, such as a trace.
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

  /** From now on, everything is to be delivered again, elsewhere or later. */
  stop(): void {
    this.#stopping = true;
  }

  /** Resolves when those under way have ended, well or not. */
  async settled(): Promise<void> {
    await Promise.allSettled(this.#active);
  }

  async #deliver(delivery: Delivery): Promise<DeliveryReport> {
    if (this.#stopping) throw new BatonError("SHUTTING_DOWN", "This process is stopping");
    const handled = this.#handle(delivery);
    this.#active.add(handled);
    try {
      return await handled;
    } finally {
      this.#active.delete(handled);
    }
  }

  async #handle({ message, deliveryAttempt, queue, release }: Delivery): Promise<DeliveryReport> {
    const unit = this.#engine.begin();
    try {
      const batchId = await route(this.#engine, { message, queue }, unit);
      release?.();
      await unit.durable();
      return { outcome: "done", batchId };
    } catch (thrown) {
      return this.#bury(message, refusalOf(thrown, deliveryAttempt, this.#attempts));
    }
  }

  /** Keeps a request that could not be parsed. */
  refuse({ body, headers }: EntryRequest, { code, message }: BatonError): Promise<string> {
    const refusal = { code, message, source: "http", headers: tellingHeaders(headers) };
    return this.#engine.deadLetters.keep(body, refusal);
  }

  /** The message of a dead letter, to be published again. Throws `DEAD_LETTER_UNKNOWN`, or why it still can't be read. */
  async revive(deadLetterId: string): Promise<Message> {
    const { deadLetters } = this.#engine;
    const letter = await deadLetters.read(deadLetterId);
    const message = parseBody(await deadLetters.bodyOf(letter), letter);
    return message.kind === "task" ? { ...message, redrive: true } : message;
  }

  async #bury(message: Message, error: BatonError): Promise<DeliveryReport> {
    const body = Buffer.from(JSON.stringify(message));
    const { code, remedy } = error;
    const refusal = { code, message: error.message, source: "broker" };
    const deadLetterId = await this.#engine.deadLetters.keep(body, refusal);
    return { outcome: "dead-lettered", deadLetterId, code, message: error.message, remedy };
  }
}

/** Why a message is given up; throws when it is to be delivered again. */
function refusalOf(thrown: unknown, deliveryAttempt: number, attempts: number): BatonError {
  if (thrown instanceof BatonError && thrown.disposition === "dead-letter") return thrown;
  if (deliveryAttempt < attempts) throw thrown;
  return new BatonError(
    "DELIVERY_EXHAUSTED",
    `It failed ${deliveryAttempt} times. The last error:  ${errorMessage(thrown)}`,
    { cause: thrown },
  );
}

const telling = /^(content-type|ce-.*|x-goog-pubsub-.*)$/;

/** Those by which a request is parsed. Others may be secret. */
function tellingHeaders(headers: RequestHeaders): Record<string, string> {
  const entries = Object.entries(headers).flatMap(([name, value]) =>
    value !== undefined && telling.test(name) ? [[name, value] as const] : [],
  );
  return Object.fromEntries(entries);
}

function parseBody(body: Uint8Array, { source, headers }: DeadLetter): Message {
  // What the broker carried was a message; what HTTP brought is taken for no more than it was then.
  if (source === "broker") return MessageSchema.parse(JSON.parse(new TextDecoder().decode(body)));
  const parsed = parseRequest({ headers, body });
  if ("ignored" in parsed) throw new BatonError("BODY_NOT_AN_EVENT", parsed.ignored);
  return parsed.message;
}
