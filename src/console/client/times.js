// Times in the viewer's zone, and durations that count on. UTC stays in the title.
const short = new Intl.DateTimeFormat(undefined, {
  month: "short",
  day: "numeric",
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const today = new Intl.DateTimeFormat(undefined, {
  hour: "2-digit",
  minute: "2-digit",
  second: "2-digit",
  hourCycle: "h23",
});
const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });

export function showTimes(root = document) {
  for (const element of root.querySelectorAll("time[datetime]")) {
    const at = new Date(element.dateTime);
    const text = written(at, element.dataset.form);
    if (element.textContent !== text) element.textContent = text;
  }
  for (const element of root.querySelectorAll("[data-since]")) {
    const text = duration(Date.now() - Date.parse(element.dataset.since));
    if (element.textContent !== text) element.textContent = text;
  }
}

function written(at, form) {
  if (form === "clock") return clock.format(at);
  if (form === "ago") return ago(at);
  return at.toDateString() === new Date().toDateString() ? today.format(at) : short.format(at);
}

function ago(at) {
  const seconds = (Date.now() - at) / 1_000;
  const text = duration(Math.abs(seconds) * 1_000, true);
  return seconds >= 0 ? `${text} ago` : `in ${text}`;
}

/** As `formatDuration` of the server writes it. */
function duration(milliseconds, isRough = false) {
  const whole = Math.max(0, Math.round(milliseconds));
  if (isRough) {
    const steps = [
      [86_400_000, "d"],
      [3_600_000, "h"],
      [60_000, "m"],
    ];
    for (const [size, unit] of steps) if (whole >= size) return `${Math.floor(whole / size)} ${unit}`;
    return `${Math.floor(whole / 1_000)} s`;
  }
  if (whole < 1_000) return `${whole} ms`;
  const tenths = Math.round(whole / 100);
  if (tenths < 600) return `${(tenths / 10).toFixed(1)} s`;
  const seconds = Math.floor(tenths / 10);
  const minutes = Math.floor(seconds / 60);
  const two = (number) => String(number).padStart(2, "0");
  if (minutes < 60) return `${minutes} m ${two(seconds % 60)} s`;
  return `${Math.floor(minutes / 60)} h ${two(minutes % 60)} m`;
}

setInterval(() => {
  if (!document.hidden) showTimes();
}, 1_000);
