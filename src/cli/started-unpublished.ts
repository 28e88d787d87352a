import { BatonError } from "../core/errors.ts";

/** Errors of messages that did not get into their topic. */
const unpublished: ReadonlySet<string> = new Set(["TOPIC_MISSING", "BROKER_DENIED", "BROKER_FAILED"]);

/** What is thrown when a batch was started and its first messages could not be published: it names the batch. */
export function namingBatch(thrown: unknown): unknown {
  if (!(thrown instanceof BatonError) || !unpublished.has(thrown.code)) return thrown;
  const batchId = thrown.details?.batchId;
  if (typeof batchId !== "string") return thrown;
  const { code, message, remedy } = thrown;
  return new BatonError(code, `${message}. Batch ${batchId} is started, and waits`, {
    cause: thrown,
    remedy: `${code === "TOPIC_MISSING" ? missingQueue : remedy} Then a sweep publishes its tasks, within minutes; \`baton show ${batchId}\` tells. Or give it up: \`baton cancel ${batchId}\`.`,
  });
}

const missingQueue =
  "Deploy the queue: add it to BATON_DEPLOY_QUEUES, and run `baton deploy --skip-function`; `baton doctor` names what is missing.";
