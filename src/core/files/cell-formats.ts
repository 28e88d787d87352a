import type { TableKind, TypedKind } from "./column-values.ts";
import { type DateFormat, parseDateFormat } from "./date-format.ts";
import type { FileOptions } from "./file-options.ts";

/** A number with a comma as its decimal point; its groups of three digits may be divided. SAP writes the sign last. */
const commaNumber =
  /^([+-]?)([0-9]+|[0-9]{1,3}(?:([.'’ \u00a0\u202f])[0-9]{3}(?:\3[0-9]{3})*))(,[0-9]+)?([eE][+-]?[0-9]{1,3})?(-?)$/;

/** How the cells of a CSV file write numbers, dates and times. */
export class CellFormats {
  readonly #hasComma: boolean;
  readonly #dates: readonly DateFormat[];
  readonly #times: readonly DateFormat[];

  constructor({ decimal = ".", dateFormats = [] }: FileOptions) {
    const formats = dateFormats.flatMap((format) => parseDateFormat(format) ?? []);
    this.#hasComma = decimal === ",";
    this.#dates = formats.filter(({ kind }) => kind === "date");
    this.#times = formats.filter(({ kind }) => kind === "timestamp");
  }

  /** Whether all texts of all kinds are in the standard form. */
  get areStandard(): boolean {
    return !this.#hasComma && this.#dates.length + this.#times.length === 0;
  }

  /** Whether texts are dates and times first, and numbers only otherwise: `20261031` is both. */
  get areDatesFirst(): boolean {
    return this.#dates.length + this.#times.length > 0;
  }

  /** The text in ISO 8601 or as a number of JSON. Undefined if it is not written as the formats say. */
  toStandard(text: string, kind: TypedKind | TableKind): string | undefined {
    switch (kind) {
      case "integer":
      case "decimal":
      case "number":
        return this.#hasComma ? toPointNumber(text) : text;
      case "date":
        return this.#dates.length === 0 ? text : parseFirst(this.#dates, text);
      case "timestamp":
        return this.#toStandardTime(text);
      default:
        return text;
    }
  }

  #toStandardTime(text: string): string | undefined {
    const date = parseFirst(this.#dates, text);
    if (date !== undefined) return `${date} 00:00:00`;
    return this.#times.length === 0 ? text : parseFirst(this.#times, text);
  }
}

function parseFirst(formats: readonly DateFormat[], text: string): string | undefined {
  for (const format of formats) {
    const parsed = format.parse(text);
    if (parsed !== undefined) return parsed;
  }
  return undefined;
}

function toPointNumber(text: string): string | undefined {
  const [all, sign = "", whole = "", divider, fraction = "", exponent = "", lastSign = ""] =
    commaNumber.exec(text) ?? [];
  if (all === undefined || (sign !== "" && lastSign !== "")) return undefined;
  const digits = divider === undefined ? whole : whole.replaceAll(divider, "");
  return `${sign}${lastSign}${digits}${fraction.replace(",", ".")}${exponent}`;
}
