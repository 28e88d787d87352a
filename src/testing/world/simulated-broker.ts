import { deriveBatchId } from "../../core/batch.ts";
import { isRedrivable, type Message } from "../../core/messages.ts";
import type { Broker, MessageHandler, OutgoingMessage, Timer } from "../../ports/broker.ts";
import type { Fault, Faults, Hostility } from "./faults.ts";
import type { Process } from "./process.ts";
import type { Random } from "./random.ts";
import type { World } from "./world.ts";

/** A process that takes messages. */
export interface Consumer {
  readonly process: Process;
  readonly handle: MessageHandler;
}

interface Envelope {
  readonly message: Message;
  deliveries: number;
  /** One acknowledgement is for all copies. */
  isDone: boolean;
}

export interface BrokerOptions {
  readonly hostility: Hostility;
  /** How long a consumer that is silent is believed to be at it. */
  readonly acknowledgeSeconds: number;
  /** Called for every message that has been acknowledged for good. */
  readonly onAcknowledged: (message: Message) => void;
  /** Who takes messages at the moment. */
  readonly consumers: () => readonly Consumer[];
}

/** Deliveries after which a message goes to the broker's own dead letters, as in Pub/Sub. */
const mostDeliveries = 40;

/** Carries messages at least once and in no order: copies, redeliveries, lost acknowledgements, dead letters. */
export class SimulatedBroker {
  /** Every message that was ever accepted. */
  readonly accepted: Message[] = [];
  /** Messages that are not acknowledged, those that are scheduled included. */
  outstanding = 0;
  /** Those of them that come from outside: no record of the store shows them yet. */
  outstandingFromOutside = 0;
  /** How many of them are of each batch, and run each task. */
  readonly #subjects = new Map<string, number>();
  readonly #deadLetters: Message[] = [];
  readonly #world: World;
  readonly #faults: Faults;
  readonly #random: Random;
  readonly #options: BrokerOptions;

  constructor(world: World, faults: Faults, random: Random, options: BrokerOptions) {
    this.#world = world;
    this.#faults = faults;
    this.#random = random;
    this.#options = options;
  }

  accept(message: Message, delayMs = 0): void {
    this.accepted.push(message);
    this.outstanding += 1;
    if (isFromOutside(message)) this.outstandingFromOutside += 1;
    this.#count(message, 1);
    const envelope = { message, deliveries: 0, isDone: false };
    this.#deliverAfter(delayMs + this.#random.between(1, 30), envelope);
  }

  /** Whether a message of a batch, or one that runs a task, is still to be handled. */
  isOutstanding(subject: string): boolean {
    return (this.#subjects.get(subject) ?? 0) > 0;
  }

  /** What was given up, to be published again by an operator. */
  takeDeadLetters(): Message[] {
    return this.#deadLetters.splice(0);
  }

  portOf(process: Process): Broker & Timer {
    return {
      publish: async (messages) => {
        if (messages.length === 0) return;
        await process.call(
          "publish",
          () => messages.map(shown).join(", "),
          (fault) => this.#publish(messages, fault),
        );
      },
      schedule: async (outgoing, delayMs) => {
        await process.call(
          "schedule",
          () => `${shown(outgoing)} in ${delayMs} ms`,
          (fault) => this.#schedule(outgoing.message, delayMs, fault),
        );
      },
    };
  }

  #publish(messages: readonly OutgoingMessage[], fault: Fault | undefined): void {
    const accepted = fault === "partly" ? messages.filter(() => this.#random.chance(0.5)) : messages;
    for (const { message } of accepted) {
      this.accept(message, fault === "delayed" ? this.#longMs() : 0);
      if (fault === "twice") this.accept(message, this.#longMs());
    }
  }

  #schedule(message: Message, delayMs: number, fault: Fault | undefined): void {
    // Only what the sweeper can make again may be lost: a lost ending from outside has to be sent again from there.
    if (fault === "dropped" && isMadeAgain(message)) return;
    this.accept(message, delayMs + (fault === "delayed" ? this.#longMs() : 0));
    if (fault === "twice") this.accept(message, delayMs);
  }

  #deliverAfter(delayMs: number, envelope: Envelope): void {
    this.#world.after(delayMs, () => this.#deliver(envelope));
  }

  #deliver(envelope: Envelope): void {
    if (envelope.isDone) return;
    const consumers = this.#options.consumers();
    if (consumers.length === 0) this.#deliverAfter(500, envelope);
    else if (envelope.deliveries >= mostDeliveries) this.#bury(envelope);
    else this.#deliverTo(consumers, envelope);
  }

  #deliverTo(consumers: readonly Consumer[], envelope: Envelope): void {
    const fault = this.#faults.at("delivery");
    if (fault === "delayed") this.#deliverAfter(this.#longMs(), envelope);
    else this.#handOver(envelope, this.#random.pick(consumers), fault);
    if (fault === "twice") this.#deliverAfter(this.#random.between(1, 200), envelope);
  }

  #bury(envelope: Envelope): void {
    this.#deadLetters.push(envelope.message);
    this.#finish(envelope);
  }

  #handOver(envelope: Envelope, { process, handle }: Consumer, fault: Fault | undefined): void {
    envelope.deliveries += 1;
    let isAnswered = false;
    this.#world.note(`${process.name} takes`, () => shown({ queue: "", message: envelope.message }));
    const answered = (isHandled: boolean) => {
      isAnswered = true;
      this.#world.note(`${process.name} ${isHandled ? "acknowledges" : "refuses"}`, () =>
        shown({ queue: "", message: envelope.message }),
      );
      if (isHandled && fault !== "lost_acknowledgement") {
        this.#finish(envelope);
        this.#options.onAcknowledged(envelope.message);
      } else this.#deliverAfter(this.#backoffMs(envelope), envelope);
    };
    this.#world.after(
      0,
      () =>
        void handle({ message: envelope.message, deliveryAttempt: envelope.deliveries }).then(
          () => answered(true),
          () => answered(false),
        ),
      process,
    );
    this.#watch(envelope, process, () => isAnswered);
  }

  /** A consumer that does not answer in time loses the message to another, though it may still be at it. */
  #watch(envelope: Envelope, process: Process, isAnswered: () => boolean): void {
    const { acknowledgeSeconds, hostility } = this.#options;
    this.#world.after(acknowledgeSeconds * 1_000, () => {
      if (envelope.isDone || isAnswered()) return;
      // Gentle: what is alive has its deadline extended, and so nothing is handled twice at once.
      if (hostility === "gentle" && process.isAlive) this.#watch(envelope, process, isAnswered);
      else this.#deliver(envelope);
    });
  }

  #count(message: Message, by: number): void {
    const subjects = [batchOfMessage(message) ?? "none"];
    if (message.kind === "task" && message.previousTaskId === undefined)
      subjects.push(runSubject(message.batchId, message.taskId));
    for (const subject of subjects) this.#subjects.set(subject, (this.#subjects.get(subject) ?? 0) + by);
  }

  #finish(envelope: Envelope): void {
    if (envelope.isDone) return;
    envelope.isDone = true;
    this.outstanding -= 1;
    if (isFromOutside(envelope.message)) this.outstandingFromOutside -= 1;
    this.#count(envelope.message, -1);
  }

  #backoffMs({ deliveries }: Envelope): number {
    return this.#random.between(50, 200) * 2 ** Math.min(deliveries, 6);
  }

  #longMs(): number {
    return this.#random.between(500, 60_000);
  }
}

/** The batch that a message starts or takes further. */
export function batchOfMessage(message: Message): string | undefined {
  if (message.kind === "task") return message.batchId;
  return message.kind === "start" && message.key ? deriveBatchId(message.workflowId, message.key) : undefined;
}

/** Names the messages that run a task. */
export function runSubject(batchId: string, taskId: string): string {
  return `run ${batchId}/${taskId}`;
}

function isFromOutside(message: Message): boolean {
  return message.kind !== "sweep" && !isMadeAgain(message);
}

/** Whether the sweeper can make it again. Here an outside completion always says how the task ended. */
function isMadeAgain(message: Message): boolean {
  return message.kind === "task" ? message.completion === undefined : isRedrivable(message);
}

function shown({ message }: OutgoingMessage): string {
  if (message.kind !== "task") return JSON.stringify(message);
  const { batchId, taskId, previousTaskId } = message;
  return previousTaskId === undefined ? `run ${batchId}/${taskId}` : `completed ${batchId}/${previousTaskId}`;
}
