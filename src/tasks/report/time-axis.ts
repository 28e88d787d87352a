const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const timePattern =
  /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(:\d{2}(?:\.\d+)?)?(Z|[+-]\d{2}(?::?\d{2})?)?)?$/;

/** The moment that a text of a date or a time names; without a zone it is UTC. Undefined for any other text. */
export function momentOf(text: string): number | undefined {
  const [, date, time = "00:00", seconds = ":00", zone = "Z"] = timePattern.exec(text) ?? [];
  if (date === undefined) return undefined;
  const offset = zone === "Z" ? zone : `${zone.slice(0, 3)}:${zone.slice(3).replace(":", "") || "00"}`;
  const moment = Date.parse(`${date}T${time}${seconds.slice(0, 7)}${offset}`);
  return Number.isNaN(moment) ? undefined : moment;
}

export interface TimeTick {
  readonly moment: number;
  readonly label: string;
}

type Step = { readonly milliseconds: number } | { readonly months: number };

const steps: readonly Step[] = [
  ...[1, 5, 15, 30].map((count) => ({ milliseconds: count * second })),
  ...[1, 5, 15, 30].map((count) => ({ milliseconds: count * minute })),
  ...[1, 3, 6, 12].map((count) => ({ milliseconds: count * hour })),
  ...[1, 2, 7, 14].map((count) => ({ milliseconds: count * day })),
  ...[1, 3, 6, 12, 24, 60, 120, 240, 600, 1_200, 6_000].map((months) => ({ months })),
];

/** Round moments between two, no more than so many: days, months and years as calendars have them, in UTC. */
export function timeTicks(from: number, to: number, most: number): readonly TimeTick[] {
  const areDays = from % day === 0 && to % day === 0;
  for (const step of steps) {
    if (areDays && "milliseconds" in step && step.milliseconds < day) continue;
    const count = (to - from) / ("months" in step ? step.months * 30 * day : step.milliseconds);
    if (count > most) continue;
    const moments =
      "months" in step ? monthsBetween(from, to, step.months) : evenly(from, to, step.milliseconds);
    if (moments.length <= most)
      return moments.map((moment) => ({
        moment,
        label: labelOf(moment, step, from, to, moment === moments[0]),
      }));
  }
  return [];
}

/** From the first of the axis when its steps are days, so that data of every day or week is labelled where it is. */
function evenly(from: number, to: number, step: number): number[] {
  const first = step > day ? Math.ceil(from / day) * day : Math.ceil(from / step) * step;
  return Array.from(
    { length: Math.max(0, Math.floor((to - first) / step) + 1) },
    (_, index) => first + index * step,
  );
}

function monthsBetween(from: number, to: number, months: number): number[] {
  const start = new Date(from);
  const moments: number[] = [];
  let month = Math.floor((start.getUTCFullYear() * 12 + start.getUTCMonth()) / months) * months;
  for (;;) {
    const moment = new Date(0).setUTCFullYear(Math.floor(month / 12), month % 12, 1);
    if (moment > to) return moments;
    if (moment >= from) moments.push(moment);
    month += months;
  }
}

const names = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

function labelOf(moment: number, step: Step, from: number, to: number, isFirst: boolean): string {
  const at = new Date(moment);
  const year = String(at.getUTCFullYear());
  const name = names[at.getUTCMonth()] ?? "";
  if ("months" in step) return step.months >= 12 ? year : `${name} ${year}`;
  const dayName = `${at.getUTCDate()} ${name}`;
  const oneYear = new Date(from).getUTCFullYear() === new Date(to).getUTCFullYear();
  if (step.milliseconds >= day) return oneYear ? dayName : `${dayName} ${year}`;
  const time = at.toISOString().slice(11, step.milliseconds < minute ? 19 : 16);
  const oneDay = Math.floor(from / day) === Math.floor(to / day);
  // The day of an axis that shows one alone is told once.
  return oneDay && !isFirst ? time : `${dayName} ${time}`;
}
