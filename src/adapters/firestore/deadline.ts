import { limits } from "../../core/limits.ts";
import type { Clock } from "../../ports/clock.ts";
import { UnansweredError } from "../../ports/store.ts";

/**
 * Waits for a call with all its repetitions, but not for ever. The client repeats for ten minutes what the service refuses, and
 * can't be told otherwise: its settings are not heeded. A message that fails sooner is delivered again, perhaps to where
 * it goes better. What the call does after that is like a call whose answer was lost. Throws an `UnansweredError`, `STORE_FAILED`.
 */
export async function inTime<T>(
  clock: Clock,
  call: Promise<T>,
  seconds: number = limits.storeCallSeconds,
): Promise<T> {
  const tooLate = Promise.withResolvers<never>();
  const stop = clock.after(seconds * 1_000, () =>
    tooLate.reject(new UnansweredError(`No answer in ${seconds} s`, call, { where: "Firestore" })),
  );
  try {
    return await Promise.race([call, tooLate.promise]);
  } finally {
    stop();
  }
}
