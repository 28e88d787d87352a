const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Text as it may stand in HTML and SVG, between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

const exact = new Intl.NumberFormat("en", { maximumFractionDigits: 4 });
const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 4 });

export function formatNumber(value: number): string {
  return exact.format(value);
}

/** Short numbers for an axis: 2,500 stays, 2,500,000 is 2.5M. */
export function formatTick(value: number, largest: number): string {
  return largest >= 100_000 ? compact.format(value) : exact.format(value);
}

const dayPattern = /^(\d{4})-(\d{2})-(\d{2})(?:[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00(?::?00)?)?)?$/;
const months = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/** Values of the x axis for people: days lose their midnight. */
export function formatX(value: string): string {
  return dayPattern.test(value) ? value.slice(0, 10) : value;
}

const longestAxisLabel = 20;

/** Labels for the x axis: days as "3 Oct", with the year when they are of several; other text is cut. */
export function axisLabels(values: readonly string[]): string[] {
  const days = values.map((value) => dayPattern.exec(value));
  const years = new Set(days.map((day) => day?.[1]));
  if (values.length === 0 || years.has(undefined)) return values.map(cut);
  return days.map((day) => {
    const label = `${Number(day?.[3])} ${months[Number(day?.[2]) - 1] ?? day?.[2]}`;
    return years.size > 1 ? `${label} ${day?.[1]}` : label;
  });
}

function cut(text: string): string {
  const characters = [...text];
  return characters.length > longestAxisLabel
    ? `${characters.slice(0, longestAxisLabel - 1).join("")}…`
    : text;
}
