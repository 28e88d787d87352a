import { systemIds } from "../adapters/system/system.ts";
import { deriveBatchId } from "../core/batch.ts";
import { BatonError } from "../core/errors/errors.ts";
import { CONTROL_QUEUE, type Message } from "../core/messages.ts";
import type { PreviewedBatch, PublishedMessage } from "../engine/queries/preview.ts";
import { parseRequest } from "../entry/parse-request.ts";
import type { App } from "./app.ts";

export interface PublishResult {
  readonly message: Message;
  /** The first batch that the message starts or addresses. */
  readonly batchId: string | null;
  /** All these batches, as they were before the message was published. Null if they were not checked. */
  readonly batches: readonly PreviewedBatch[] | null;
}

export interface PublishOptions {
  /** Skips the check against the local workflows: the deployed ones may accept the message. */
  readonly isUnchecked: boolean;
}

const checked: PublishOptions = { isUnchecked: false };

type PublishingApp = Pick<App, "broker" | "deliveries" | "engine">;

/**
 * Publishes a body that could be posted to the HTTP entry as JSON. Resolves when the message is durable. A start
 * without a key gets one, so that a redelivery does not start a second batch. A message that would become a dead letter
 * is not published: throws the `BODY_…` errors of the entry, and the errors of the message's handler.
 */
export async function publishBody(
  app: PublishingApp,
  body: Uint8Array,
  options: PublishOptions = checked,
): Promise<PublishResult> {
  const parsed = parseRequest({ headers: { "content-type": "application/json" }, body });
  if ("ignored" in parsed) throw new BatonError("BODY_NOT_AN_EVENT", parsed.ignored);
  return publish(app, parsed.message, systemIds.unique(), options);
}

/**
 * Publishes the message of a dead letter again. Throws `DEAD_LETTER_UNKNOWN`, and the errors of parsing and handling
 * the message; then it is not published, and the dead letter stays unreplayed.
 */
export async function replayDeadLetter(
  app: PublishingApp,
  deadLetterId: string,
  options: PublishOptions = checked,
): Promise<PublishResult> {
  const message = await app.deliveries.parseDeadLetter(deadLetterId);
  // The key makes a second replay start the same batch, also if this process dies before it marks the dead letter.
  const published = await publish(app, message, `dead letter ${deadLetterId}`, options);
  await app.engine.deadLetters.markReplayed(deadLetterId);
  return published;
}

async function publish(
  app: PublishingApp,
  original: Message,
  key: string,
  { isUnchecked }: PublishOptions,
): Promise<PublishResult> {
  const message: PublishedMessage =
    original.kind === "start" ? { ...original, key: original.key ?? key } : original;
  const batches = isUnchecked ? null : (await app.engine.admin.preview(message)).batches;
  await app.engine.durably(() => app.broker.publish([{ queue: CONTROL_QUEUE, message }]));
  return { message, batchId: batches?.[0]?.batchId ?? batchIdIn(message), batches };
}

function batchIdIn(message: PublishedMessage): string | null {
  if (message.kind === "start") return deriveBatchId(message.workflowId, message.key);
  return "batchId" in message ? message.batchId : null;
}
