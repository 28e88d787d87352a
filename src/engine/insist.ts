import { messageOf } from "../core/errors.ts";
import { failureOf } from "../core/failure.ts";
import { limits } from "../core/limits.ts";
import type { Dependencies } from "./dependencies.ts";

/**
 * Tries again what a service refuses for a moment, while a task has its claim: work that is done must not be done again
 * because its record was refused once, and no task has failed because the store has.
 */
export async function insist<T>(
  { logger, clock }: Pick<Dependencies, "logger" | "clock">,
  work: () => Promise<T>,
): Promise<T> {
  for (const delayMs of limits.insistMs) {
    try {
      return await work();
    } catch (error) {
      if (!failureOf(error).retryable) throw error;
      logger.warn("a service refuses; trying again", { delayMs, error: messageOf(error) });
      await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
    }
  }
  return work();
}
