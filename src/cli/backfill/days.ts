import { BatonError } from "../../core/errors.ts";
import { dayOf, daySeconds } from "../../core/time.ts";
import type { ItemSource } from "./items.ts";

const dayMs = daySeconds * 1_000;

/** One item `{ date }` per calendar day, the first and the last included. Throws `USAGE`. */
export function dayItems(from: string, to: string): ItemSource {
  const first = parseDay(from, "--from");
  const last = parseDay(to, "--to");
  if (first > last) throw new BatonError("USAGE", `--from ${from} comes after --to ${to}`);
  return {
    async *read() {
      for (let time = first; time <= last; time += dayMs) {
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
