import { setTimeout as delay } from "node:timers/promises";
import { BatonError } from "../../core/errors.ts";
import { waitBeforeRepeating } from "../remote/asked-pause.ts";
import { failureOf } from "./failure.ts";

/** How often one call is sent, and what is waited before the second; it doubles each time: 3 seconds in all. */
const tries = 6;
const firstDelayMs = 100;

/**
 * Sends a call again while its failure may pass. A call that failed may have been done all the same: whoever uses this
 * must be able to tell. `attempt` counts from 1. Throws a StorageFailure, or the BatonError
 * that `call` throws.
 */
export async function retried<T>(call: (attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await call(attempt);
    } catch (thrown) {
      if (thrown instanceof BatonError) throw thrown;
      const failure = failureOf(thrown);
      // Spread, so that callers that met the same refusal don't come back together.
      const ownWaitMs = firstDelayMs * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
      const waitMs = waitBeforeRepeating(ownWaitMs, failure.retryAfterSeconds);
      if (!failure.isPassing || attempt === tries || waitMs === undefined) throw failure;
      await delay(waitMs);
    }
  }
}
