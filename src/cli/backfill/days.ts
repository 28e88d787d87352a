import { BatonError } from "../../core/errors.ts";
import { dayOf, daySeconds } from "../../core/time.ts";
import type { ItemSource } from "./items.ts";

const dayMs = daySeconds * 1_000;

/** Calendar days, the first and the last included, written `YYYY-MM-DD`. */
export interface Days {
  readonly from: string;
  readonly to: string;
}

/** Throws `USAGE`. */
export function requireDays({ from, to }: Days): void {
  if (parseDay(from, "--from") > parseDay(to, "--to"))
    throw new BatonError("USAGE", `--from ${from} comes after --to ${to}`);
}

/** One item `{ date }` per day. */
export function dayItems({ from, to }: Days): ItemSource {
  return {
    async *read() {
      for (let time = Date.parse(from); time <= Date.parse(to); time += dayMs) {
        const date = dayOf(time);
        yield { where: date, value: { date } };
      }
    },
    async close() {},
  };
}

/** Days are counted in UTC, where each has 24 hours. */
function parseDay(text: string, option: string): number {
  const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? Date.parse(`${text}T00:00:00Z`) : Number.NaN;
  // Some days that no calendar has are read as days of the next month.
  if (!Number.isNaN(time) && dayOf(time) === text) return time;
  throw new BatonError("USAGE", `${option} ${text} is not a day such as 2026-11-21`);
}
