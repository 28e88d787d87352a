import * as z from "zod";
import { parseJsonWithTexts } from "../../core/exact-json.ts";
import { numberOrText } from "../../core/exact-number.ts";
import type { JsonValue } from "../../core/json.ts";
import { isoTimeOfMicroseconds } from "../../core/time.ts";
import type { Row } from "../../ports/warehouse.ts";

interface Field {
  readonly name: string;
  readonly type: string;
  readonly mode?: string | undefined;
  readonly fields?: readonly Field[] | undefined;
}

const FieldSchema: z.ZodType<Field> = z.lazy(() =>
  z.object({
    name: z.string(),
    type: z.string(),
    mode: z.string().optional(),
    fields: z.array(FieldSchema).optional(),
  }),
);
export const RowSchema = z.object({ f: z.array(z.object({ v: z.unknown() })) });
export const FieldsSchema = z.object({ fields: z.array(FieldSchema).default([]) });

/** Rows as BigQuery sends them: all values are text, their types are in the schema. */
export function toRow(fields: readonly Field[], { f }: z.infer<typeof RowSchema>): Row {
  return Object.fromEntries(fields.map((field, index) => [field.name, toJson(field, f[index]?.v)]));
}

function toJson(field: Field, value: unknown): JsonValue {
  if (value === null || value === undefined) return field.mode === "REPEATED" ? [] : null;
  if (field.mode !== "REPEATED") return scalarToJson(field, value);
  const items = z.array(z.object({ v: z.unknown() })).parse(value);
  return items.map(({ v }) => (v === null ? null : scalarToJson(field, v)));
}

/** As of DuckDB: times in ISO 8601, numbers that a double would change as text. */
function scalarToJson(field: Field, value: unknown): JsonValue {
  if (field.type === "RECORD" || field.type === "STRUCT")
    return { ...toRow(field.fields ?? [], RowSchema.parse(value)) };
  const text = z.coerce.string().parse(value);
  switch (field.type) {
    case "INTEGER":
    case "INT64":
      return numberOrText(text);
    case "FLOAT":
    case "FLOAT64":
      return Number.isFinite(Number(text)) ? Number(text) : text;
    case "NUMERIC":
    case "BIGNUMERIC":
      return numberOrText(text);
    case "BOOLEAN":
    case "BOOL":
      return text === "true";
    case "TIMESTAMP":
      return isoTimeOfMicroseconds(BigInt(text)) ?? text;
    case "JSON":
      return parseJsonWithTexts(text);
    default:
      return text;
  }
}
