import { numberOf } from "./compare-values.ts";
import { toMicros } from "./store-clock.ts";
import type { Value } from "./wire.ts";

/** Two values have the same key exactly when an equality filter takes them for equal: 1 and 1.0 do. */
export function valueKey(value: Value): string {
  if (value.stringValue !== undefined) return `s${value.stringValue}`;
  if (value.integerValue !== undefined || value.doubleValue !== undefined) return `n${numberKey(value)}`;
  if (value.booleanValue !== undefined) return value.booleanValue ? "t" : "f";
  if (value.timestampValue !== undefined) return `d${toMicros(value.timestampValue)}`;
  if (value.referenceValue !== undefined) return `r${value.referenceValue}`;
  if (value.bytesValue !== undefined) return `b${value.bytesValue.toString("base64")}`;
  if (value.geoPointValue !== undefined) return `g${JSON.stringify(value.geoPointValue)}`;
  if (value.arrayValue !== undefined)
    return `a${JSON.stringify((value.arrayValue.values ?? []).map(valueKey))}`;
  if (value.mapValue !== undefined) return `m${mapKey(value)}`;
  return "0";
}

function numberKey(value: Value): string {
  const number = numberOf(value);
  // Adding 0 makes -0 a 0.
  if (typeof number === "number") return String(isLargeWhole(number) ? BigInt(number) : number + 0);
  return String(number);
}

function isLargeWhole(number: number): boolean {
  return Number.isInteger(number) && !Number.isSafeInteger(number);
}

function mapKey(value: Value): string {
  const entries = Object.entries(value.mapValue?.fields ?? {}).sort(([one], [other]) =>
    one < other ? -1 : 1,
  );
  return JSON.stringify(entries.map(([name, inner]) => [name, valueKey(inner)]));
}
