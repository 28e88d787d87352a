import type { Engine } from "../engine/engine.ts";
import type { UnitOfWork } from "../engine/unit-of-work.ts";
import type { Delivery } from "../ports/broker.ts";

/** Gives a message to the handler of its kind; for what starts a batch, the id of that batch. */
export async function route(
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
