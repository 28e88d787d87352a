import { messageOf } from "../core/errors.ts";
import { failureOf } from "../core/failure.ts";
import { limits } from "../core/limits.ts";
import type { Dependencies } from "./dependencies.ts";

/**
 * Tries again, for some seconds, what a service refuses while a task has its claim: work that is done is not to be done
 * again because its record was refused once, and no attempt is to fail for a hiccup. Throws the error when it lasts.
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
