import { BatonError } from "../core/errors.ts";

/** Errors of messages that did not get into their topic. */
const unpublished: ReadonlySet<string> = new Set(["TOPIC_MISSING", "BROKER_DENIED", "BROKER_FAILED"]);

/** What is thrown when a batch was started, or perhaps was, and then something failed: it names the batch. */
export function namingBatch(thrown: unknown): unknown {
  if (!(thrown instanceof BatonError)) return thrown;
  const batchId = thrown.details?.batchId;
  if (typeof batchId !== "string") return thrown;
  if (thrown.code === "STORE_FAILED") return perhapsStarted(thrown, batchId);
  return unpublished.has(thrown.code) ? startedUnpublished(thrown, batchId) : thrown;
}

/** The answer is missing, not always what was asked for. */
function perhapsStarted(thrown: BatonError, batchId: string): BatonError {
  const { code, message } = thrown;
  return new BatonError(code, `${message}. Batch ${batchId} may have been started anyway`, {
    cause: thrown,
    remedy: `Check within minutes whether it exists: \`baton show ${batchId}\`. Starting it again means the same batch only with the same \`--key\`.`,
  });
}

function startedUnpublished(thrown: BatonError, batchId: string): BatonError {
  const { code, message, remedy } = thrown;
  return new BatonError(code, `${message}. Batch ${batchId} is started, and waits`, {
    cause: thrown,
    remedy: `${code === "TOPIC_MISSING" ? missingQueue : remedy} Then a sweep publishes its tasks, within minutes; \`baton show ${batchId}\` shows it. Or cancel it: \`baton cancel ${batchId}\`.`,
  });
}

const missingQueue =
  "Deploy the queue: add it to BATON_DEPLOY_QUEUES, and run `baton deploy --skip-function`; `baton doctor` names what is missing.";
