import * as z from "zod";
import type { JsonValue } from "../../core/values/json.ts";
import { decimalOrText, numberOrText, parseStoredJson } from "../../core/values/json-text.ts";
import { doubleToJson, intervalTextToJson, timeTextToJson } from "../../core/values/sql-json.ts";
import { isoTimeFromMicroseconds } from "../../core/values/time.ts";
import type { Row } from "../../ports/warehouse.ts";

interface Field {
  readonly name: string;
  readonly type: string;
  readonly mode?: string | undefined;
  readonly fields?: readonly Field[] | undefined;
  /** The type of both ends of a RANGE. */
  readonly rangeElementType?: { readonly type: string } | undefined;
}

const FieldSchema: z.ZodType<Field> = z.lazy(() =>
  z.object({
    name: z.string(),
    type: z.string(),
    mode: z.string().optional(),
    fields: z.array(FieldSchema).optional(),
    rangeElementType: z.object({ type: z.string() }).optional(),
  }),
);
/** The columns of a result. */
export const FieldsSchema = z.object({ fields: z.array(FieldSchema).default([]) });

/** A row, or a struct: its values in the order of the fields. */
export const RowSchema = z.object({ f: z.array(z.object({ v: z.unknown() })) });
const ItemsSchema = z.array(z.object({ v: z.unknown() }));

/** Converts a row to the JSON of docs/values.md. BigQuery sends all values as text. Their types are in the schema. */
export function toRow(fields: readonly Field[], { f }: z.infer<typeof RowSchema>): Row {
  return Object.fromEntries(fields.map((field, index) => [field.name, toJson(field, f[index]?.v)]));
}

function toJson(field: Field, value: unknown): JsonValue {
  if (value === null || value === undefined) return field.mode === "REPEATED" ? [] : null;
  if (field.mode !== "REPEATED") return itemToJson(field, value);
  return ItemsSchema.parse(value).map(({ v }) => (v === null ? null : itemToJson(field, v)));
}

function itemToJson(field: Field, value: unknown): JsonValue {
  if (field.type === "RECORD" || field.type === "STRUCT")
    return { ...toRow(field.fields ?? [], RowSchema.parse(value)) };
  const text = z.coerce.string().parse(value);
  return field.type === "RANGE"
    ? rangeToJson(field.rangeElementType?.type ?? "", text)
    : scalarToJson(field.type, text);
}

function scalarToJson(type: string, text: string): JsonValue {
  switch (type) {
    case "INTEGER":
    case "INT64":
      return numberOrText(text);
    case "NUMERIC":
    case "BIGNUMERIC":
      return decimalOrText(text);
    case "FLOAT":
    case "FLOAT64":
      return doubleToJson(Number(text.replace(/^([+-]?)inf$/i, "$1Infinity")));
    case "BOOLEAN":
    case "BOOL":
      return text === "true";
    case "TIMESTAMP":
      return isoTimeFromMicroseconds(BigInt(text)) ?? text;
    case "DATETIME":
    case "TIME":
      return timeTextToJson(text);
    case "INTERVAL":
      return intervalTextToJson(text);
    case "JSON":
      return parseStoredJson(text);
    default:
      return text;
  }
}

/** `[start, end)`, of which each end is as a value of its own, or `UNBOUNDED`. */
function rangeToJson(type: string, text: string): string {
  return text.replace(/[^[(, )\]]+/g, (end) => (end === "UNBOUNDED" ? end : String(scalarToJson(type, end))));
}
