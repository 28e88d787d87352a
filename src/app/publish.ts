import { systemIds } from "../adapters/system/system.ts";
import { deriveBatchId } from "../core/batch.ts";
import { BatonError } from "../core/errors/errors.ts";
import { CONTROL_QUEUE, type Message } from "../core/messages.ts";
import type { PreviewedBatch, PublishedMessage } from "../engine/queries/preview.ts";
import { parseRequest } from "../entry/parse-request.ts";
import type { App } from "./app.ts";

export interface Published {
  readonly message: Message;
  /** The batch that it starts or is about; the first, if there are several. */
  readonly batchId: string | null;
  /** All of them, as they were before it was published. Null when it was not looked. */
  readonly batches: readonly PreviewedBatch[] | null;
}

export interface PublishOptions {
  /** Publish it without looking: what is deployed may take what this machine would refuse. */
  readonly isUnchecked: boolean;
}

const checked: PublishOptions = { isUnchecked: false };

type Parts = Pick<App, "broker" | "deliveries" | "engine">;

/**
 * Publishes what could be posted to the HTTP entry as JSON; resolves once the message is durable. A start
 * without a key gets one, so that a second delivery starts nothing. What would become a dead letter is not published:
 * throws the `BODY_…` errors of the entry, and what the message would be refused with.
 */
export async function publishBody(
  app: Parts,
  body: Uint8Array,
  options: PublishOptions = checked,
): Promise<Published> {
  const parsed = parseRequest({ headers: { "content-type": "application/json" }, body });
  if ("ignored" in parsed) throw new BatonError("BODY_NOT_AN_EVENT", parsed.ignored);
  return publish(app, parsed.message, systemIds.unique(), options);
}

/**
 * Publishes the message of a dead letter again. Throws `DEAD_LETTER_UNKNOWN`, why it can't be read, and what it would
 * be refused with once more: then it is not published, and counts as not replayed.
 */
export async function replayDeadLetter(
  app: Parts,
  deadLetterId: string,
  options: PublishOptions = checked,
): Promise<Published> {
  const message = await app.deliveries.revive(deadLetterId);
  // Replayed twice, perhaps by a process that died before it could note it: the same batch.
  const published = await publish(app, message, `dead letter ${deadLetterId}`, options);
  await app.engine.deadLetters.markReplayed(deadLetterId);
  return published;
}

async function publish(
  app: Parts,
  given: Message,
  key: string,
  { isUnchecked }: PublishOptions,
): Promise<Published> {
  const message: PublishedMessage = given.kind === "start" ? { ...given, key: given.key ?? key } : given;
  const batches = isUnchecked ? null : (await app.engine.admin.preview(message)).batches;
  await app.engine.durably(() => app.broker.publish([{ queue: CONTROL_QUEUE, message }]));
  return { message, batchId: batches?.[0]?.batchId ?? batchIdIn(message), batches };
}

function batchIdIn(message: PublishedMessage): string | null {
  if (message.kind === "start") return deriveBatchId(message.workflowId, message.key);
  return "batchId" in message ? message.batchId : null;
}
