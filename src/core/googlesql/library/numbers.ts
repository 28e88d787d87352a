import { Refusal } from "../refusal.ts";
import { assertRepeatable, isNull, type Term, unify } from "../terms.ts";
import { FLOAT64, INT64, NUMERIC, typeName } from "../types.ts";
import { readSignatures } from "./signatures.ts";

export const numberSignatures = readSignatures(`
  ABS(INT64) INT64 = abs($1)
  ABS(FLOAT64) FLOAT64 = abs($1)
  ABS(NUMERIC) NUMERIC = abs($1)
  SIGN(INT64) INT64 = CAST(sign($1) AS BIGINT)
  SIGN(NUMERIC) NUMERIC = CAST(sign($1) AS DECIMAL(38, 9))
  SIGN(FLOAT64) FLOAT64 = (CASE WHEN isnan($1) THEN $1 ELSE CAST(sign($1) AS DOUBLE) END)
  ROUND(FLOAT64) FLOAT64 = round($1)
  ROUND(NUMERIC) NUMERIC = googlesql_numeric(round($1))
  TRUNC(FLOAT64) FLOAT64 = trunc($1)
  TRUNC(NUMERIC) NUMERIC = googlesql_numeric(trunc($1))
  CEIL|CEILING(FLOAT64) FLOAT64 = ceil($1)
  CEIL|CEILING(NUMERIC) NUMERIC = googlesql_numeric(ceil($1))
  FLOOR(FLOAT64) FLOAT64 = floor($1)
  FLOOR(NUMERIC) NUMERIC = googlesql_numeric(floor($1))
  MOD(INT64, INT64) INT64 = googlesql_mod($1, $2)
  MOD(NUMERIC, NUMERIC) NUMERIC = googlesql_numeric(googlesql_mod($1, $2))
  DIV(INT64, INT64) INT64 = googlesql_div($1, $2)
  SQRT(FLOAT64) FLOAT64 = googlesql_sqrt($1)
  LN|LOG(FLOAT64) FLOAT64 = googlesql_ln($1)
  LOG(FLOAT64, FLOAT64) FLOAT64 = googlesql_log($1, $2)
  LOG10(FLOAT64) FLOAT64 = googlesql_log10($1)
  SIN(FLOAT64) FLOAT64 = sin($1)
  COS(FLOAT64) FLOAT64 = cos($1)
  TAN(FLOAT64) FLOAT64 = tan($1)
  ATAN(FLOAT64) FLOAT64 = atan($1)
  ATAN2(FLOAT64, FLOAT64) FLOAT64 = atan2($1, $2)
  IEEE_DIVIDE(FLOAT64, FLOAT64) FLOAT64 = ($1 / $2)
  IS_NAN(FLOAT64) BOOL = isnan($1)
  IS_INF(FLOAT64) BOOL = isinf($1)
  BIT_COUNT(INT64) INT64 = CAST(bit_count($1) AS BIGINT)
  RANGE_BUCKET(INT64, INT64[]) INT64 = googlesql_range_bucket($1, $2)
  RANGE_BUCKET(FLOAT64, FLOAT64[]) INT64 = googlesql_range_bucket($1, $2)
  SAFE_NEGATE(INT64) INT64 = TRY(- $1)
  SAFE_ADD(INT64, INT64) INT64 = TRY($1 + $2)
  SAFE_SUBTRACT(INT64, INT64) INT64 = TRY($1 - $2)
  SAFE_MULTIPLY(INT64, INT64) INT64 = TRY($1 * $2)
`);

/** ROUND and TRUNC to a number of digits that is written in the text. */
export function roundTo(name: string, value: Term, digits: Term): Term {
  const number = digits.written?.kind === "integer" ? Number(digits.written.value) : Number.NaN;
  if (!(Math.abs(number) <= 15))
    throw new Refusal(name, "the number of digits must be written as a number up to 15");
  if (isNull(value)) return { sql: "CAST(NULL AS DOUBLE)", type: FLOAT64 };
  if (value.type.kind === "UNKNOWN") return value;
  if (value.type.kind === "NUMERIC") {
    const sql = `CAST(${name.toLowerCase()}(CAST(${value.sql} AS DECIMAL(38, 9)), ${number}) AS DECIMAL(38, 9))`;
    return {
      sql: number >= 9 ? value.sql : sql,
      type: NUMERIC,
      ...(value.isVolatile && { isVolatile: true }),
    };
  }
  if (name === "TRUNC" && number < 1)
    throw new Refusal(name, "TRUNC to a number of digits is supported for NUMERIC only; CAST it AS NUMERIC");
  if (value.type.kind !== "FLOAT64" && value.type.kind !== "INT64")
    throw new Refusal(name, `it does not take ${typeName(value.type)}`);
  assertRepeatable(name, [value]);
  const float = value.type.kind === "INT64" ? `CAST(${value.sql} AS DOUBLE)` : value.sql;
  return { sql: `googlesql_${name === "TRUNC" ? "truncate" : "round"}(${float}, ${number})`, type: FLOAT64 };
}

export function power(base: Term, exponent: Term): Term {
  const { type, terms } = unify("POW", [base, exponent]);
  if (type.kind === "UNKNOWN") return { sql: "NULL", type };
  if (type.kind === "NUMERIC")
    throw new Refusal("POW", "POW of NUMERIC is not supported; CAST it AS FLOAT64");
  if (type.kind !== "FLOAT64" && type.kind !== "INT64")
    throw new Refusal("POW", `it does not take ${typeName(type)}`);
  assertRepeatable("POW", terms);
  return {
    sql: `googlesql_power(${terms.map(({ sql }) => `CAST(${sql} AS DOUBLE)`).join(", ")})`,
    type: FLOAT64,
  };
}

export function exponential(value: Term): Term {
  assertRepeatable("EXP", [value]);
  return { sql: `googlesql_exp(${value.sql})`, type: FLOAT64 };
}

/** GREATEST and LEAST are NULL if one of their arguments is. */
export function extreme(name: string, args: readonly Term[]): Term {
  const { type, terms } = unify(name, args);
  if (["ARRAY", "STRUCT", "JSON", "INTERVAL", "FOREIGN", "BOOL"].includes(type.kind) || terms.length === 0)
    throw new Refusal(name, `it does not take ${typeName(type)} here`);
  assertRepeatable(name, terms);
  const list = terms.map(({ sql }) => sql).join(", ");
  if (type.kind === "FLOAT64") return { sql: `googlesql_${name.toLowerCase()}_float([${list}])`, type };
  const isMissing = terms.map(({ sql }) => `${sql} IS NULL`).join(" OR ");
  return { sql: `(CASE WHEN ${isMissing} THEN NULL ELSE ${name.toLowerCase()}(${list}) END)`, type };
}

export function safeDivide(left: Term, right: Term): Term {
  const toFloat = [left, right].every(({ type }) => type.kind === "INT64");
  const { type, terms } = unify("SAFE_DIVIDE", [left, right]);
  assertRepeatable("SAFE_DIVIDE", terms);
  const [a, b] = terms;
  if (toFloat)
    return { sql: `(CAST(${a?.sql} AS DOUBLE) / NULLIF(CAST(${b?.sql} AS DOUBLE), 0))`, type: FLOAT64 };
  if (type.kind === "FLOAT64") return { sql: `googlesql_safe_divide(${a?.sql}, ${b?.sql})`, type };
  if (type.kind === "NUMERIC")
    return {
      sql: `(CASE WHEN ${b?.sql} <> 0 THEN googlesql_numeric_divide(${a?.sql}, ${b?.sql}) END)`,
      type,
    };
  if (type.kind === "UNKNOWN" || type.kind === "INT64")
    return { sql: "NULL", type: INT64.kind === type.kind ? FLOAT64 : type };
  throw new Refusal("SAFE_DIVIDE", `it does not take ${typeName(type)}`);
}
