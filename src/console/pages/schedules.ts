import { type Schedule, slotsBetween } from "../../core/schedule/schedule.ts";
import { daySeconds, utcDay } from "../../core/values/time.ts";
import { type Content, html } from "../html.ts";
import { card, table, time, workflowLink } from "../marks.ts";
import { emptyState, heading, type Page } from "../shell.ts";
import type { View } from "../view.ts";

const days = 7;
const perSchedule = 400;
const shownTimes = 40;

interface Firing {
  readonly workflowId: string;
  readonly schedule: Schedule;
  readonly slots: readonly number[];
}

/** The next firings of all schedules: a list, and one calendar of the next days. */
export async function schedulesPage(view: View): Promise<Page> {
  const until = view.now + days * daySeconds * 1_000;
  const firings: Firing[] = (await view.app.catalog.all()).flatMap(
    ({ definition: { workflowId }, triggers }) =>
      triggers.flatMap((schedule) =>
        schedule.type === "schedule"
          ? [{ workflowId, schedule, slots: slotsBetween(schedule, view.now, until, perSchedule) }]
          : [],
      ),
  );
  const sorted = firings.toSorted((one, other) => (one.slots[0] ?? until) - (other.slots[0] ?? until));
  const rows = sorted.map(({ workflowId, schedule: { cron, timeZone, missed }, slots }) => ({
    id: `s-${workflowId}-${cron}`,
    cells: [
      workflowLink(workflowId),
      html`<code>${cron}</code>`,
      timeZone,
      time(slots[0]),
      time(slots[1]),
      slots.length >= perSchedule ? `${perSchedule}+` : String(slots.length),
      missed === "skip" ? "skipped" : "caught up",
    ] satisfies Content[],
  }));
  const listed = table(
    [
      { head: "Workflow" },
      { head: "Pattern" },
      { head: "Time zone", isMinor: true },
      { head: "Next" },
      { head: "After that", isMinor: true },
      { head: `In ${days} days`, isNumber: true },
      { head: "Missed slots", isMinor: true },
    ],
    rows,
    emptyState(
      "No workflow has a schedule.",
      html`Add one: <code>on: [schedule("0 6 * * *", { timeZone: "Europe/Berlin" })]</code>`,
    ),
  );
  const body = html`${heading("Schedules")}${listed}${sorted.length === 0 ? "" : calendar(view, sorted)}`;
  return { title: "Schedules", section: "schedules", body, liveness: "live" };
}

/** One column a day, in UTC. */
function calendar(view: View, firings: readonly Firing[]): Content {
  const columns = Array.from({ length: days }, (_, index) => utcDay(view.now + index * daySeconds * 1_000));
  return html`<div class="calendar spaced">${columns.map((day) => {
    const ofDay = firings
      .flatMap(({ workflowId, slots }) => {
        const times = slots.filter((slot) => utcDay(slot) === day);
        return times.length > 0 ? [{ workflowId, times }] : [];
      })
      .sort((one, other) => (one.times[0] ?? 0) - (other.times[0] ?? 0));
    const listed = ofDay.slice(0, shownTimes).map(
      ({ workflowId, times }) =>
        html`<li>${time(times[0], "clock")} ${workflowLink(workflowId)}${
          times.length > 1
            ? html` <span
            class="dim">× ${times.length}</span>`
            : ""
        }</li>`,
    );
    return card(
      day,
      html`<ul class="day">${listed.length === 0 ? html`<li class="dim">nothing</li>` : listed}</ul>`,
    );
  })}</div>`;
}
