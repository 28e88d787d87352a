import { Refusal } from "../refusal.ts";
import { type Term, timestampTerm } from "../terms.ts";
import type { Node } from "../tree.ts";
import * as types from "../types.ts";
import { dateFromText, datetimeFromText, timeFromText } from "../written-times.ts";
import { integer } from "./operators.ts";

export function boolean(node: Node): Term {
  const value = node.flag("value");
  node.end("BOOL");
  return { sql: value ? "true" : "false", type: types.BOOL, written: { kind: "boolean" } };
}

/** A value that is written in the text. */
export function literal(node: Node): Term {
  const kind = node.text("literal_type");
  const raw = node.raw("value");
  const value = Array.isArray(raw) ? String(raw[0]) : String(raw);
  node.end("literal");
  switch (kind) {
    case "string":
    case "raw_string":
    case "triple_quoted_string":
    case "triple_quoted_raw_string":
      return { sql: types.quoteText(value), type: types.STRING, written: { kind: "text", value } };
    case "number":
      return number(value);
    case "hex_number":
      return integer(BigInt(`0x${value}`));
    case "byte_string": {
      if (!/^[\x20-\x5b\x5d-\x7e]*$/.test(value))
        throw new Refusal("b''", "bytes are supported as plain ASCII without a backslash; use FROM_HEX");
      return { sql: `encode(${types.quoteText(value)})`, type: types.BYTES };
    }
    case "date":
      return { sql: `DATE ${types.quoteText(dateFromText(value))}`, type: types.DATE };
    case "timestamp":
      return timestampTerm(value);
    case "datetime":
      return { sql: `TIMESTAMP ${types.quoteText(datetimeFromText(value))}`, type: types.DATETIME };
    case "time":
      return { sql: `TIME ${types.quoteText(timeFromText(value))}`, type: types.TIME };
    default:
      throw new Refusal(value, `a literal of kind ${kind} is not supported here`);
  }
}

function number(text: string): Term {
  if (/^\d+$/.test(text)) return integer(BigInt(text));
  const digits = text.startsWith(".") ? `0${text}` : text;
  if (!Number.isFinite(Number(digits))) throw new Refusal(text, "the number is too large for FLOAT64");
  const sql = /[eE]/.test(digits) ? digits : `${digits}e0`;
  return { sql, type: types.FLOAT64, written: { kind: "real", digits } };
}
