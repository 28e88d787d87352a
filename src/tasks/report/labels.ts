const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Escapes text for HTML and SVG, between tags and in quoted attributes. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? "");
}

const mostFractionDigits = 4;

let formats: { readonly plain: Intl.NumberFormat; readonly small: Intl.NumberFormat } | undefined;

/** Created at the first use: every process loads this module, few format numbers, and the first format takes 10 ms. */
function numberFormats() {
  formats ??= {
    plain: new Intl.NumberFormat("en", { maximumFractionDigits: mostFractionDigits }),
    small: new Intl.NumberFormat("en", { maximumSignificantDigits: 4 }),
  };
  return formats;
}

/** A readable number: four digits after the point, or the first four significant digits of a small one. */
export function formatNumber(value: number): string {
  if (Number.isNaN(value)) return "NaN";
  if (!Number.isFinite(value)) return value > 0 ? "∞" : "−∞";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-6 || size >= 1e15)) return exponential(value, 4);
  const { plain, small } = numberFormats();
  return size < 1 ? small.format(value) : plain.format(value);
}

/** Numbers of one column, with the same number of digits after the point where that is at most four. */
export function formatColumn(values: readonly (number | null | undefined)[]): readonly string[] {
  const texts = values.map((value) => (value === null || value === undefined ? "–" : formatNumber(value)));
  const digits = Math.max(0, ...texts.map((text) => text.split(".")[1]?.length ?? 0));
  if (digits > mostFractionDigits || texts.some((text) => text.includes("e"))) return texts;
  const format = new Intl.NumberFormat("en", {
    minimumFractionDigits: digits,
    maximumFractionDigits: digits,
  });
  return texts.map((text, index) => (/\d/.test(text) ? format.format(values[index] ?? 0) : text));
}

/** Short labels for the ticks of an axis, each different from the others: 2,500 stays, 2,500,000 is 2.5M. */
export function formatTicks(ticks: readonly number[]): string[] {
  const largest = Math.max(...ticks.map(Math.abs));
  const step = Math.abs((ticks[1] ?? 1) - (ticks[0] ?? 0));
  const digits = Math.min(20, Math.max(0, 1 - Math.floor(Math.log10(step))));
  const exact = new Intl.NumberFormat("en", { maximumFractionDigits: digits });
  const compact = [4, 6].map(
    (most) => new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: most }),
  );
  const candidates =
    largest >= 1e15 || step < 1e-6
      ? [4, 6, 10, 15].map((most) => ({ format: (tick: number) => exponential(tick, most) }))
      : [...(largest >= 100_000 ? compact : []), exact];
  const labels = candidates.map(({ format }) => ticks.map((tick) => format(tick)));
  return labels.find((each) => new Set(each).size === each.length) ?? labels.at(-1) ?? [];
}

/** 1.5e-9, without trailing zeros. */
function exponential(value: number, digits: number): string {
  return value === 0 ? "0" : String(Number(value.toPrecision(digits)).toExponential()).replace("e+", "e");
}

/** The label of an x value that is null. */
export const noX = "(none)";

const timeOfX = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d)(?::(\d\d)(?:\.(\d+))?)?(Z|[+-]00(?::?00)?)?$/;

/**
 * The x values as people read them. If all are times, they are days if all are midnights, and have seconds if one needs
 * them. `isUtc`: the times have a zone, which is left out.
 */
export function formatXs(xs: readonly string[]): {
  readonly texts: readonly string[];
  readonly isUtc: boolean;
} {
  const times = xs.map((x) => timeOfX.exec(x));
  const found = times.filter((time) => time !== null);
  const zones = new Set(found.map(([, , , , , zone]) => zone !== undefined));
  if (found.length === 0 || zones.size > 1 || xs.some((x, index) => x !== noX && !times[index]))
    return { texts: xs, isUtc: false };
  const areDays = found.every(([, , time, second = "00", rest = ""]) => /^[0:]+$/.test(time + second + rest));
  const precision = found.some(([, , , , rest = ""]) => /[1-9]/.test(rest)) ? "fraction" : "second";
  const isWhole = precision === "second" && found.every(([, , , second = "00"]) => second === "00");
  const texts = xs.map((x, index) => {
    const [, day = "", time = "", second = "00", rest = ""] = times[index] ?? [];
    if (day === "") return x;
    if (areDays) return day;
    if (isWhole) return `${day} ${time}`;
    return `${day} ${time}:${second}${precision === "fraction" && rest !== "" ? `.${rest}` : ""}`;
  });
  return { texts, isUtc: !areDays && zones.has(true) };
}

const mostLines = 3;
const longWord = 16;
const keptOfWord = 4;

/** Wraps texts to a width in pixels, in at most three lines each. Texts that differ stay different, if possible. */
export function wrapLabels(texts: readonly string[], width: number): readonly (readonly string[])[] {
  const distinct = new Set(texts).size;
  const wrapped = texts.map((text) => wrapToWidth(text, width));
  if (new Set(wrapped.map((lines) => lines.join("\n"))).size === distinct) return wrapped;
  // What they have in common at their start makes them alike.
  const common = commonStart(texts);
  return texts.map((text) => wrapToWidth(`…${text.slice(common).trimStart()}`, width));
}

/** How much all texts have in common at their start: whole words, or most of a long word. */
function commonStart(texts: readonly string[]): number {
  const [first = ""] = texts;
  let length = 0;
  while (length < first.length && texts.every((text) => text[length] === first[length])) length++;
  const words = first.slice(0, length).lastIndexOf(" ") + 1;
  return length - words > longWord ? length - keptOfWord : words;
}

function wrapToWidth(text: string, width: number): readonly string[] {
  const lines: string[] = [];
  let rest = text.trim();
  while (rest !== "" && lines.length < mostLines - 1 && textWidth(rest) > width) {
    const line = firstLine(rest, width);
    lines.push(line.trimEnd());
    rest = rest.slice(line.length).trimStart();
  }
  return rest === "" ? lines : [...lines, cutToWidth(rest, width)];
}

/** As many whole words as fit; at least one character. */
function firstLine(text: string, width: number): string {
  let fits = "";
  let words = "";
  for (const character of text) {
    if (fits !== "" && textWidth(fits + character) > width) return words === "" ? fits : words;
    fits += character;
    if (/[\s\-/]/.test(character)) words = fits;
  }
  return fits;
}

/** Cuts a text to a width in pixels, at its end or in the middle. */
export function cutToWidth(text: string, width: number, part: "end" | "middle" = "end"): string {
  if (textWidth(text) <= width) return text;
  const characters = [...text];
  const room = width - textWidth("…");
  let kept = characters.length;
  let cut = "";
  do {
    kept -= 1;
    const tail = part === "middle" ? Math.floor(kept / 2) : 0;
    const head = characters.slice(0, kept - tail).join("");
    cut = `${head.trimEnd()}…${tail > 0 ? characters.slice(-tail).join("").trimStart() : ""}`;
  } while (kept > 1 && textWidth(cut) > room + textWidth("…"));
  return cut;
}

/** Approximate width of a text in pixels at 12 px. East Asian characters and emoji are as wide as they are high. */
export function textWidth(text: string): number {
  let width = 0;
  for (const character of text)
    width +=
      /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]|\p{Extended_Pictographic}/u.test(
        character,
      )
        ? 13
        : /[mwMW@%…—]/.test(character)
          ? 10.5
          : /\p{Lu}/u.test(character)
            ? 8
            : 6.8;
  return width;
}
