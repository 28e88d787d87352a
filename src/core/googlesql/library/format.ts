import { cast } from "../expressions/casts.ts";
import { Refusal } from "../refusal.ts";
import { assertRepeatable, expect, type Term, writtenText } from "../terms.ts";
import { FLOAT64, INT64, quoteText, STRING, typeName } from "../types.ts";

/** FORMAT with a format that is written in the text: each element becomes an expression of its own. */
export function formatText(args: readonly Term[]): Term {
  const [format, ...values] = args;
  const written = writtenText("FORMAT", "its format", format);
  assertRepeatable("FORMAT", values);
  let next = 0;
  const parts = [...written.matchAll(/%([-+ 0#']*)(\d*)(?:\.(\d+))?([\s\S]?)|[^%]+/g)].map(
    ([text, flags, width, digits, kind]) => {
      if (kind === undefined) return quoteText(text);
      if (text === "%%") return "'%'";
      const value = values[next++];
      if (!value) throw new Refusal(text, "FORMAT has too few values");
      return element(text, { flags: flags ?? "", width: width ?? "", digits, kind }, value);
    },
  );
  if (next !== values.length) throw new Refusal("FORMAT", "it has more values than its format");
  return { sql: `CAST(${["''", ...parts].join(" || ")} AS VARCHAR)`, type: STRING };
}

interface Element {
  readonly flags: string;
  readonly width: string;
  readonly digits: string | undefined;
  readonly kind: string;
}

type ReadElement = (text: string, element: Element, value: Term) => string;

function element(text: string, parts: Element, value: Term): string {
  const read = elements[parts.kind];
  if (!read) throw new Refusal(text, `FORMAT with ${text} is not supported here`);
  return read(text, parts, value);
}

/** Refuses flags, and a width or a precision, that the element does not take here. */
function assertPlain(
  text: string,
  { flags, width, digits }: Element,
  allowed: RegExp,
  takes: "width" | "nothing",
): void {
  const isPlain = allowed.test(flags) && (takes === "width" || width === "");
  if (!isPlain || (digits !== undefined && !/[eEfFgG]$/.test(text)))
    throw new Refusal(text, `FORMAT with ${text} is not supported here`);
}

const integerElement: ReadElement = (text, parts, value) => {
  if (parts.flags === "'" && parts.width === "" && parts.digits === undefined)
    return `format('{:,}', ${expect(text, value, INT64).sql})`;
  assertPlain(text, parts, /^[-+ 0]*$/, "width");
  return `printf(${quoteText(`%${parts.flags}${parts.width}d`)}, ${expect(text, value, INT64).sql})`;
};

const unsignedElement: ReadElement = (text, parts, value) => {
  assertPlain(text, parts, /^$/, "nothing");
  return `googlesql_unsigned(${quoteText(`%${parts.kind}`)}, ${expect(text, value, INT64).sql})`;
};

const floatElement: ReadElement = (text, parts, value) => {
  assertPlain(text, parts, /^[-+ 0]*$/, "width");
  if (value.type.kind === "NUMERIC")
    throw new Refusal(text, "FORMAT of NUMERIC is not supported; CAST it AS FLOAT64 or AS STRING");
  const format = quoteText(
    `%${parts.flags}${parts.width}.${parts.digits ?? "6"}${parts.kind === "F" ? "f" : parts.kind}`,
  );
  return `googlesql_finite_format(${format}, ${expect(text, value, FLOAT64).sql})`;
};

const textElement: ReadElement = (text, parts, value) => {
  assertPlain(text, parts, /^-?$/, "width");
  if (value.type.kind !== "STRING" && value.type.kind !== "UNKNOWN")
    throw new Refusal(text, `%s takes STRING, not ${typeName(value.type)}; write %d, %f or %t`);
  if (parts.width === "") return value.sql;
  const pad = parts.flags === "-" ? "googlesql_pad_text_right" : "googlesql_pad_text";
  return `${pad}(${value.sql}, ${parts.width})`;
};

const anyElement: ReadElement = (text, parts, value) => {
  assertPlain(text, parts, /^$/, "nothing");
  if (["ARRAY", "STRUCT", "JSON", "BYTES", "INTERVAL", "FOREIGN"].includes(value.type.kind))
    throw new Refusal(text, `%t is not supported for ${typeName(value.type)}; write TO_JSON_STRING and %s`);
  if (value.type.kind === "FLOAT64") return `coalesce(googlesql_float_to_literal(${value.sql}), 'NULL')`;
  return `coalesce(${cast("FORMAT", value, STRING).sql}, 'NULL')`;
};

const elements: Readonly<Record<string, ReadElement>> = {
  E: floatElement,
  F: floatElement,
  G: floatElement,
  X: unsignedElement,
  e: floatElement,
  g: floatElement,
  d: integerElement,
  f: floatElement,
  i: integerElement,
  o: unsignedElement,
  s: textElement,
  t: anyElement,
  x: unsignedElement,
};
