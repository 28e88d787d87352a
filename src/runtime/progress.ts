import { callbackPages } from "../core/callback-pages.ts";
import { messageOf } from "../core/errors.ts";
import type { JsonObject } from "../core/json.ts";
import { limits } from "../core/limits.ts";
import { isoTime } from "../core/time.ts";
import type { CallbackSender } from "../ports/callbacks.ts";
import type { Clock } from "../ports/clock.ts";
import type { Ids } from "../ports/ids.ts";
import type { Logger } from "../ports/logger.ts";
import type { Assignment } from "../ports/task-runner.ts";

/** Reports of a task that still runs. */
export interface TaskCallback {
  /**
   * Tells the task's callback how far it is, such as `{ percent: 30 }`. Sent once and not stored: one that is not taken is
   * logged and forgotten. Does nothing when the task has no callback.
   */
  progress(data: JsonObject): Promise<void>;
}

interface ProgressDependencies {
  readonly callbacks: CallbackSender;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
}

type Reported = NonNullable<Assignment["callback"]>;

export function createProgress(
  { callbacks, clock, ids, logger }: ProgressDependencies,
  callback: Assignment["callback"],
  signal: AbortSignal,
): TaskCallback {
  const send = async (data: JsonObject, { url, secrets, eventId }: Reported) => {
    const pages = callbackPages({
      eventId: `${eventId}_progress_${ids.unique()}`,
      type: "task.progress",
      occurredAt: isoTime(clock.now()),
      data: { ...data, of: eventId },
      pageBytes: limits.callbackPageBytes,
    });
    for (const page of pages)
      await callbacks.send({
        url,
        secrets,
        webhookId: page.webhookId,
        body: page.body,
        timeoutSeconds: limits.callbackTimeoutSeconds,
        signal,
      });
  };
  return {
    async progress(data) {
      if (!callback) return;
      signal.throwIfAborted();
      try {
        await send(data, callback);
      } catch (thrown) {
        logger.warn("the progress callback was not accepted", { error: messageOf(thrown) });
      }
    },
  };
}
