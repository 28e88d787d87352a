import {
  BIGINT,
  BOOLEAN,
  DOUBLE,
  type DuckDBType,
  DuckDBTypeId,
  type DuckDBValue,
  LIST,
  listValue,
  STRUCT,
  structValue,
  VARCHAR,
} from "@duckdb/node-api";
import * as z from "zod";

export interface Field {
  readonly name: string;
  readonly type: string;
  readonly mode?: string | undefined;
  readonly fields?: readonly Field[] | undefined;
  readonly rangeElementType?: { readonly type: string } | undefined;
}
export const FieldSchema: z.ZodType<Field> = z.lazy(() =>
  z.object({
    name: z.string(),
    type: z.string(),
    mode: z.string().optional(),
    fields: z.array(FieldSchema).optional(),
    rangeElementType: z.object({ type: z.string() }).optional(),
  }),
);

const scalars: ReadonlyMap<DuckDBTypeId, string> = new Map([
  [DuckDBTypeId.BOOLEAN, "BOOLEAN"],
  [DuckDBTypeId.TINYINT, "INTEGER"],
  [DuckDBTypeId.SMALLINT, "INTEGER"],
  [DuckDBTypeId.INTEGER, "INTEGER"],
  [DuckDBTypeId.BIGINT, "INTEGER"],
  [DuckDBTypeId.UBIGINT, "INTEGER"],
  // The sum of integers, which GoogleSQL leaves an INT64.
  [DuckDBTypeId.HUGEINT, "INTEGER"],
  [DuckDBTypeId.FLOAT, "FLOAT"],
  [DuckDBTypeId.DOUBLE, "FLOAT"],
  [DuckDBTypeId.DECIMAL, "NUMERIC"],
  [DuckDBTypeId.DATE, "DATE"],
  [DuckDBTypeId.TIME, "TIME"],
  [DuckDBTypeId.TIMESTAMP, "DATETIME"],
  [DuckDBTypeId.TIMESTAMP_TZ, "TIMESTAMP"],
  [DuckDBTypeId.BLOB, "BYTES"],
  [DuckDBTypeId.INTERVAL, "INTERVAL"],
  [DuckDBTypeId.GEOMETRY, "GEOGRAPHY"],
]);

export function fieldOf(name: string, type: DuckDBType): Field {
  if (type.typeId === DuckDBTypeId.LIST && "valueType" in type)
    return { ...fieldOf(name, type.valueType), mode: "REPEATED" };
  if (type.typeId === DuckDBTypeId.STRUCT && "entryNames" in type) {
    const fields = type.entryNames.map((entry, index) => {
      const entryType = type.entryTypes[index];
      if (!entryType) throw new Error(`no type of ${entry}`);
      return fieldOf(entry, entryType);
    });
    const [start, end] = fields;
    if (start && start.name === "range_start" && end?.name === "range_end")
      return { name, type: "RANGE", mode: "NULLABLE", rangeElementType: { type: start.type } };
    return { name, type: "RECORD", mode: "NULLABLE", fields };
  }
  const isBig = type.typeId === DuckDBTypeId.DECIMAL && "scale" in type && Number(type.scale) > 9;
  const scalar = isBig ? "BIGNUMERIC" : (scalars.get(type.typeId) ?? "STRING");
  return { name, type: type.alias === "JSON" ? "JSON" : scalar, mode: "NULLABLE" };
}

const columnTypes: Readonly<Record<string, string>> = {
  BOOLEAN: "BOOLEAN",
  BOOL: "BOOLEAN",
  INTEGER: "BIGINT",
  INT64: "BIGINT",
  FLOAT: "DOUBLE",
  FLOAT64: "DOUBLE",
  NUMERIC: "DECIMAL(38, 9)",
  BIGNUMERIC: "DECIMAL(38, 18)",
  DATE: "DATE",
  TIME: "TIME",
  TIMESTAMP: "TIMESTAMP WITH TIME ZONE",
  DATETIME: "TIMESTAMP",
  INTERVAL: "INTERVAL",
  GEOGRAPHY: "GEOMETRY",
  BYTES: "BLOB",
  JSON: "JSON",
  STRING: "VARCHAR",
};

/** The type of a column in DuckDB. */
export function columnType({ type, mode, fields = [], rangeElementType }: Field): string {
  if (rangeElementType) {
    const end = columnType({ name: "", type: rangeElementType.type });
    return `STRUCT(range_start ${end}, range_end ${end})`;
  }
  const structure = fields.map((field) => `"${field.name}" ${columnType(field)}`).join(", ");
  const scalar =
    type === "RECORD" || type === "STRUCT" ? `STRUCT(${structure})` : (columnTypes[type] ?? "VARCHAR");
  return mode === "REPEATED" ? `${scalar}[]` : scalar;
}

export interface ParameterType {
  readonly type: string;
  readonly arrayType?: ParameterType | undefined;
  readonly structTypes?: readonly { readonly name: string; readonly type: ParameterType }[] | undefined;
}
interface ParameterValue {
  readonly value?: string | null | undefined;
  readonly arrayValues?: readonly ParameterValue[] | undefined;
  readonly structValues?: Readonly<Record<string, ParameterValue>> | undefined;
}
const TypeSchema: z.ZodType<ParameterType> = z.lazy(() =>
  z.object({
    type: z.string(),
    arrayType: TypeSchema.optional(),
    structTypes: z.array(z.object({ name: z.string(), type: TypeSchema })).optional(),
  }),
);
const ValueSchema: z.ZodType<ParameterValue> = z.lazy(() =>
  z.object({
    value: z.string().nullish(),
    arrayValues: z.array(ValueSchema).optional(),
    structValues: z.record(z.string(), ValueSchema).optional(),
  }),
);
export const ParameterSchema = z.object({
  name: z.string(),
  parameterType: TypeSchema,
  parameterValue: ValueSchema,
});

/** The type that a query parameter has in DuckDB. */
export function boundType({ type, arrayType, structTypes }: ParameterType): DuckDBType {
  if (arrayType) return LIST(boundType(arrayType));
  if (structTypes)
    return STRUCT(Object.fromEntries(structTypes.map((field) => [field.name, boundType(field.type)])));
  if (type === "INT64") return BIGINT;
  if (type === "FLOAT64") return DOUBLE;
  return type === "BOOL" ? BOOLEAN : VARCHAR;
}

/** A query parameter as DuckDB takes it. */
export function boundValue(
  type: ParameterType,
  { value, arrayValues, structValues }: ParameterValue,
): DuckDBValue {
  const { arrayType } = type;
  if (arrayType) return listValue((arrayValues ?? []).map((item) => boundValue(arrayType, item)));
  if (type.structTypes)
    return structValue(
      Object.fromEntries(
        type.structTypes.map((field) => [
          field.name,
          boundValue(field.type, structValues?.[field.name] ?? {}),
        ]),
      ),
    );
  if (value === null || value === undefined) return null;
  if (type.type === "INT64") return BigInt(value);
  if (type.type === "FLOAT64") return Number(value);
  return type.type === "BOOL" ? value === "true" : value;
}
