import * as z from "zod";
import { BatonError } from "../errors/errors.ts";
import { daySeconds } from "./time.ts";

type Days = `${number}d` | "";
type Hours = `${number}h` | "";
type Minutes = `${number}m` | "";
type Seconds = `${number}s` | "";
type Milliseconds = `${number}ms` | "";

/**
 * A duration such as `"30s"`, `"5m"`, `"2h"`, `"1d"`, `"250ms"`, or a sum such as `"1h30m"`. The compiler takes a sum
 * with its units from the longest to the shortest. At run time they may come in any order.
 */
export type Duration = Exclude<`${Days}${Hours}${Minutes}${Seconds}${Milliseconds}`, "">;

export const durationPattern = /^(\d+(\.\d+)?(ms|s|m|h|d))+$/;

export const DurationSchema: z.ZodType<Duration, string> = z
  .string()
  .regex(durationPattern, 'a duration is text such as "30s", "5m" or "1h30m"')
  .pipe(z.custom<Duration>());

const unitSeconds: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3_600, d: daySeconds };

/** Throws `DURATION_INVALID`. `where`: the position, for the error. */
export function parseDurationSeconds(text: string, where: string): number {
  if (!durationPattern.test(text))
    throw new BatonError("DURATION_INVALID", `"${text}" is not a duration`, { where });
  let seconds = 0;
  for (const [, amount, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g))
    seconds += Number(amount) * (unitSeconds[unit ?? ""] ?? 0);
  return seconds;
}

/** A readable duration: `850 ms`, `12.3 s`, `4 m 05 s`, `2 h 03 m`. */
export function formatDuration(milliseconds: number): string {
  const whole = Math.round(milliseconds);
  if (whole < 1_000) return `${whole} ms`;
  const tenths = Math.round(whole / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.floor(tenths / 10);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} m ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} m`;
}

/** A duration as a workflow has it: `5m`, `1h30m`, `250ms`. */
export function durationText(seconds: number): string {
  let rest = Math.round(seconds * 1_000);
  let text = "";
  for (const [unit, size] of Object.entries(unitSeconds).reverse()) {
    const count = Math.floor(rest / (size * 1_000));
    rest -= count * size * 1_000;
    if (count > 0) text += `${count}${unit}`;
  }
  return text === "" ? "0s" : text;
}
