import { cast } from "../casts.ts";
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
  return { sql: `(${["''", ...parts].join(" || ")})`, type: STRING };
}

interface Element {
  readonly flags: string;
  readonly width: string;
  readonly digits: string | undefined;
  readonly kind: string;
}

function element(text: string, { flags, width, digits, kind }: Element, value: Term): string {
  const refuse = (reason: string): never => {
    throw new Refusal(text, reason);
  };
  switch (kind) {
    case "d":
    case "i":
      if (digits !== undefined || /[#']/.test(flags))
        return refuse(`FORMAT with ${text} is not supported here`);
      return `printf(${quoteText(`%${flags}${width}d`)}, ${expect(text, value, INT64).sql})`;
    case "x":
    case "X":
    case "o":
      if (digits !== undefined || flags !== "" || width !== "")
        return refuse(`FORMAT with ${text} is not supported here`);
      return `googlesql_unsigned(${quoteText(`%${kind}`)}, ${expect(text, value, INT64).sql})`;
    case "f":
    case "F":
      if (/[#']/.test(flags)) return refuse(`FORMAT with ${text} is not supported here`);
      if (value.type.kind === "NUMERIC")
        return refuse("FORMAT of NUMERIC is not supported; CAST it AS FLOAT64 or AS STRING");
      return `googlesql_finite_format(${quoteText(`%${flags}${width}.${digits ?? "6"}f`)}, ${expect(text, value, FLOAT64).sql})`;
    case "s":
      if (/[-+ 0#']/.test(flags) || digits !== undefined)
        return refuse(`FORMAT with ${text} is not supported here`);
      if (value.type.kind !== "STRING")
        return refuse(`%s takes STRING, not ${typeName(value.type)}; write %d, %f or %t`);
      return width === "" ? value.sql : `googlesql_pad_text(${value.sql}, ${width})`;
    case "t":
      if (
        flags !== "" ||
        width !== "" ||
        digits !== undefined ||
        !["INT64", "STRING", "BOOL", "DATE"].includes(value.type.kind)
      )
        return refuse(
          `%t is supported for INT64, STRING, BOOL and DATE only; CAST the value AS STRING and write %s`,
        );
      return `coalesce(${cast("FORMAT", value, STRING).sql}, 'NULL')`;
    default:
      return refuse(`FORMAT with ${text} is not supported here`);
  }
}
