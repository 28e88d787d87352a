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

let formats: { readonly plain: Intl.NumberFormat; readonly small: Intl.NumberFormat } | undefined;

/** Created at the first use: every process loads this module, few format numbers, and the first format takes 10 ms. */
function numberFormats() {
  formats ??= {
    plain: new Intl.NumberFormat("en", { maximumFractionDigits: 4 }),
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

const midnight = /^(\d{4}-\d{2}-\d{2})[T ]00:00(?::00(?:\.0+)?)?(?:Z|[+-]00(?::?00)?)?$/;

/** Readable values of the x axis: days without their midnight. */
export function formatX(value: string): string {
  return midnight.exec(value)?.[1] ?? value;
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
