import * as z from "zod";
import { parseDurationSeconds } from "../core/duration.ts";
import { BatonError } from "../core/errors.ts";

/** A duration as people write it, in seconds. */
export function durationUpTo(maxSeconds: number) {
  return z
    .string({ error: 'a duration is text such as "30s", "5m" or "1h30m"' })
    .transform((text, context): number => {
      const problem = (message: string) => {
        context.addIssue({ code: "custom", message });
        return z.NEVER;
      };
      try {
        const seconds = parseDurationSeconds(text, "");
        return seconds > maxSeconds ? problem(`"${text}" is longer than ${maxSeconds} seconds`) : seconds;
      } catch (error) {
        if (error instanceof BatonError) return problem(error.message);
        throw error;
      }
    });
}
