import * as z from "zod";
import { formatDuration, parseDurationSeconds } from "../core/duration.ts";
import { BatonError } from "../core/errors.ts";

/** A duration as people write it, in seconds. `limit`: what the longest one is. */
export function durationUpTo(maxSeconds: number, limit = "the longest there can be") {
  return z
    .string({ error: 'a duration is text such as "30s", "5m" or "1h30m"' })
    .transform((text, context): number => {
      const problem = (message: string) => {
        context.addIssue({ code: "custom", message });
        return z.NEVER;
      };
      try {
        const seconds = parseDurationSeconds(text, "");
        if (seconds <= maxSeconds) return seconds;
        return problem(`"${text}" is longer than ${formatDuration(maxSeconds * 1_000)}, ${limit}`);
      } catch (error) {
        if (error instanceof BatonError) return problem(error.message);
        throw error;
      }
    });
}
