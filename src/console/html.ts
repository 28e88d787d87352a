/** Text that is HTML already. Everything else is escaped when it becomes part of a page. */
export class Html {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }
}

/** What a template takes. Null, undefined and false leave nothing. */
export type Content = Html | string | number | null | undefined | false | readonly Content[];

export const nothing = new Html("");

/**
 * Marks of parts that change with the clock alone, such as how long a task has been running. They are part of the page
 * but not of its tag, so that a page on which only they differ counts as unchanged. Escaping removes both characters.
 */
const volatileStart = "\u0001";
const volatileEnd = "\u0002";

/**
 * A template whose values are escaped, in text and in quoted attributes. A line break of the template, with the white
 * space around it, is a space inside a tag and nothing elsewhere.
 */
export function html(parts: TemplateStringsArray, ...values: readonly Content[]): Html {
  const fixed = withoutBreaks(parts);
  let text = fixed[0] ?? "";
  for (const [index, value] of values.entries()) text += render(value) + (fixed[index + 1] ?? "");
  return new Html(text);
}

/** Each template has one array of parts, whenever it is used. */
const partsWithoutBreaks = new WeakMap<TemplateStringsArray, readonly string[]>();

function withoutBreaks(parts: TemplateStringsArray): readonly string[] {
  const known = partsWithoutBreaks.get(parts);
  if (known) return known;
  let before = "";
  const fixed = parts.map((part) => {
    const start = before;
    before += part;
    return part.replaceAll(/\s*\n\s*/g, (_, offset: number) => {
      const text = start + part.slice(0, offset);
      return text.lastIndexOf("<") > text.lastIndexOf(">") ? " " : "";
    });
  });
  partsWithoutBreaks.set(parts, fixed);
  return fixed;
}

/** A part that does not count as a change of the page. */
export function volatile(content: Content): Html {
  return new Html(volatileStart + render(content) + volatileEnd);
}

function render(value: Content): string {
  if (value instanceof Html) return value.text;
  if (value === null || value === undefined || value === false) return "";
  if (typeof value === "object") return value.map(render).join("");
  return escapeText(String(value));
}

const special = /[&<>"'`\p{Cc}\p{Bidi_Control}\p{Surrogate}]/gu;
const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
  "`": "&#96;",
  "\n": "\n",
  "\t": "\t",
};

/**
 * Control characters, halves of characters, and characters that turn the direction of the text around them are shown as
 * replacement characters: a name must not change how the rest of the page reads.
 */
function escapeText(text: string): string {
  return text.replace(special, (character) => entities[character] ?? "\uFFFD");
}

const volatilePart = new RegExp(`${volatileStart}[^${volatileEnd}]*${volatileEnd}`, "g");
const marks = new RegExp(`[${volatileStart}${volatileEnd}]`, "g");

/** The page as it is sent, and the part of it that counts for its tag. */
export function finish({ text }: Html): { readonly page: string; readonly lasting: string } {
  return { page: text.replace(marks, ""), lasting: text.replace(volatilePart, "") };
}

/** A link into the console, with the parameters that have a value. */
export function link(
  path: string,
  query: Readonly<Record<string, string | number | null | undefined>> = {},
): string {
  const parameters = new URLSearchParams();
  for (const [name, value] of Object.entries(query))
    if (value !== null && value !== undefined && value !== "") parameters.set(name, String(value));
  const text = parameters.toString();
  return text === "" ? path : `${path}?${text}`;
}

/** A part of a path. Keys may hold any character. */
export function segment(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
