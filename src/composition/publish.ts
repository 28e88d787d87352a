import { systemIds } from "../adapters/system/ids.ts";
import { batchIdOf } from "../core/batch.ts";
import { BatonError } from "../core/errors.ts";
import { CONTROL_QUEUE, type Message } from "../core/messages.ts";
import { parseRequest } from "../entry/parse-request.ts";
import type { App } from "./app.ts";

export interface Published {
  readonly message: Message;
  /** The batch that a start message starts, or has started before. */
  readonly batchId: string | null;
}

type Parts = Pick<App, "broker" | "deliveries" | "engine">;

/**
 * Publishes what could be posted to the HTTP entry as JSON; resolves once the message is durable. A start
 * without a key gets one, so that a second delivery starts nothing. Throws the `BODY_…` errors of the entry.
 */
export async function publishBody(app: Parts, body: Uint8Array): Promise<Published> {
  const parsed = parseRequest({ headers: { "content-type": "application/json" }, body });
  if ("ignored" in parsed) throw new BatonError("BODY_NOT_AN_EVENT", parsed.ignored);
  return publish(app, parsed.message);
}

/** Publishes the message of a dead letter again. Throws `DEAD_LETTER_UNKNOWN`, or why it can't be read. */
export async function replayDeadLetter(app: Parts, deadLetterId: string): Promise<Published> {
  const message = await app.deliveries.revive(deadLetterId);
  // Replayed twice, perhaps by somebody who died before he could note it: the same batch.
  const key = `dead letter ${deadLetterId}`;
  const published = await publish(app, message.kind === "start" ? { key, ...message } : message);
  await app.engine.deadLetters.markReplayed(deadLetterId);
  return published;
}

async function publish(app: Parts, given: Message): Promise<Published> {
  const message = given.kind === "start" ? { ...given, key: given.key ?? systemIds.unique() } : given;
  const mark = app.engine.mark();
  await app.broker.publish([{ queue: CONTROL_QUEUE, message }]);
  await app.engine.sync(mark);
  return { message, batchId: message.kind === "start" ? batchIdOf(message.workflowId, message.key) : null };
}
