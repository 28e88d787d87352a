import type { Message } from "../../core/messages.ts";
import type { Deliver } from "../../entry/deliveries.ts";
import type { DeliveryReport } from "../../entry/http-handler.ts";
import type { Delivery } from "../../ports/broker.ts";
import type { Span, Tracer } from "../../ports/tracer.ts";
import { batchAttributes } from "./traced.ts";

/** The part of a batch that a message is about, and what is done with it. */
interface TraceSubject {
  readonly batchId: string;
  readonly name: string;
  readonly taskId?: string;
}

/**
 * Records how long each message waited in its queue, and how long it was handled. `flushes`: traces are sent before a
 * delivery is acknowledged, because the machine may get no processor time afterwards.
 */
export function tracedDeliver(deliver: Deliver, tracer: Tracer, flushes: boolean): Deliver {
  return async (delivery) => {
    try {
      return await deliverTraced(deliver, tracer, delivery);
    } finally {
      if (flushes) await tracer.flush();
    }
  };
}

function deliverTraced(deliver: Deliver, tracer: Tracer, delivery: Delivery): Promise<DeliveryReport> {
  const subject = subjectOf(delivery.message);
  if (!subject) return tracer.inBatch(undefined, () => deliver(delivery));
  const { batchId, name, taskId } = subject;
  const { publishedAt, deliveryAttempt, message } = delivery;
  const attributes = {
    ...batchAttributes({ batchId, taskId }),
    "baton.message.kind": message.kind,
    "baton.delivery_attempt": deliveryAttempt,
  };
  if (publishedAt !== undefined) {
    // It was stamped by another clock, which may be ahead of this one.
    const endedAt = Math.max(publishedAt, Date.now());
    tracer.record({ batchId, name: `wait to ${name}`, attributes, startedAt: publishedAt, endedAt });
  }
  return tracer.inBatch(batchId, () =>
    tracer.inSpan({ name, kind: "consumer", attributes }, async (span) =>
      markFailure(span, await deliver(delivery)),
    ),
  );
}

/** Undefined for messages that belong to no batch, or do not name it. */
function subjectOf(message: Message): TraceSubject | undefined {
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

function markFailure(span: Span, report: DeliveryReport): DeliveryReport {
  const { outcome, code = "", message = "" } = report;
  if (outcome === "dead-lettered") span.fail({ code, message });
  return report;
}
