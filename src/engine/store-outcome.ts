import { messageOf } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import type { Dependencies } from "./dependencies.ts";

/** Stores what came of finished work, trying again when the store fails: the work is done, only its record is not. */
export async function storeOutcome<T>(
  { logger, clock }: Pick<Dependencies, "logger" | "clock">,
  store: () => Promise<T>,
): Promise<T> {
  for (const delayMs of limits.settleRetryMs) {
    try {
      return await store();
    } catch (error) {
      logger.warn("an outcome could not be stored; trying again", { delayMs, error: messageOf(error) });
      await new Promise<void>((resolve) => void clock.after(delayMs, resolve));
    }
  }
  return store();
}
