import type { Message } from "../../core/messages.ts";
import type { Engine } from "../../engine/engine.ts";
import { Deliveries } from "../../entry/deliveries.ts";
import type { DeliveryReport } from "../../entry/http-handler.ts";
import type { Delivery } from "../../ports/broker.ts";
import type { Span, Tracer } from "../../ports/tracer.ts";
import { batchAttributes } from "./attributes.ts";

/** What a message asks for of a batch. */
interface Errand {
  readonly batchId: string;
  readonly name: string;
  readonly taskId?: string;
}

export interface TracedDeliveriesOptions {
  /** Failed deliveries after which a message is given up. */
  readonly attempts: number;
  /** Whether traces are sent before a delivery is acknowledged: afterwards, the machine may stand still. */
  readonly flushes: boolean;
}

/** Tells how long each message waited in its queue, and how long it was handled. */
export class TracedDeliveries extends Deliveries {
  readonly #tracer: Tracer;
  readonly #options: TracedDeliveriesOptions;

  constructor(engine: Engine, tracer: Tracer, options: TracedDeliveriesOptions) {
    super(engine, options.attempts);
    this.#tracer = tracer;
    this.#options = options;
  }

  override async deliver(delivery: Delivery): Promise<DeliveryReport> {
    try {
      return await this.#deliverTraced(delivery);
    } finally {
      if (this.#options.flushes) await this.#tracer.flush();
    }
  }

  #deliverTraced(delivery: Delivery): Promise<DeliveryReport> {
    const errand = errandOf(delivery.message);
    if (!errand) return this.#tracer.inBatch(undefined, () => super.deliver(delivery));
    const { batchId, name, taskId } = errand;
    const { publishedAt, deliveryAttempt, message } = delivery;
    const attributes = {
      ...batchAttributes({ batchId, taskId }),
      "baton.message.kind": message.kind,
      "baton.delivery_attempt": deliveryAttempt,
    };
    if (publishedAt !== undefined) {
      // The clock that stamped it is another one.
      const endedAt = Math.max(publishedAt, Date.now());
      this.#tracer.record({ batchId, name: `wait to ${name}`, attributes, startedAt: publishedAt, endedAt });
    }
    return this.#tracer.inBatch(batchId, () =>
      this.#tracer.inSpan({ name, kind: "consumer", attributes }, async (span) =>
        noted(span, await super.deliver(delivery)),
      ),
    );
  }
}

/** Undefined for messages that are of no batch, or do not say of which. */
function errandOf(message: Message): Errand | undefined {
  switch (message.kind) {
    case "task": {
      const { batchId, previousTaskId } = message;
      if (previousTaskId === undefined)
        return { batchId, taskId: message.taskId, name: `execute ${message.taskId}` };
      return { batchId, taskId: previousTaskId, name: `follow ${previousTaskId}` };
    }
    case "redrive":
      return { batchId: message.batchId, name: "redrive" };
    case "event":
      return { batchId: message.batchId, name: `receive ${message.event}` };
    case "start":
    case "object":
    case "callback":
    case "sweep":
    case "tick":
      return undefined;
  }
}

function noted(span: Span, report: DeliveryReport): DeliveryReport {
  const { outcome, code = "", message = "" } = report;
  if (outcome === "dead-lettered") span.fail({ code, message });
  return report;
}
