import { invalid } from "./errors.ts";
import { toMicros, toTimestamp } from "./store-clock.ts";
import type { Fields, Value } from "./wire.ts";

const maxDepth = 20;
const maxValueBytes = 1_048_487;

/**
 * Fields as they are stored: times in whole microseconds, nothing optional missing. Throws INVALID_ARGUMENT for what
 * Firestore refuses: arrays directly in arrays, more than 20 levels, reserved or too long names, values of 1 MiB.
 */
export function checkedFields(fields: Fields | undefined, depth = 1): Fields {
  const checked: Record<string, Value> = {};
  for (const [name, value] of Object.entries(fields ?? {})) {
    checkFieldName(name);
    checked[name] = checkedValue(value, name, depth);
  }
  return checked;
}

/** `depth`: 1 for a field of the document itself. */
export function checkedValue(value: Value, name: string, depth = 1): Value {
  if (depth > maxDepth)
    throw invalid(`Property ${name} contains an invalid nested entity: more than 20 levels`);
  if (value.mapValue) return { mapValue: { fields: checkedFields(value.mapValue.fields, depth + 1) } };
  if (value.arrayValue) return checkedArray(value.arrayValue.values ?? [], name, depth);
  if (value.timestampValue) return { timestampValue: toTimestamp(toMicros(value.timestampValue)) };
  if (value.geoPointValue) {
    const { latitude = 0, longitude = 0 } = value.geoPointValue;
    return { geoPointValue: { latitude, longitude } };
  }
  checkLength(value, name);
  return value;
}

function checkedArray(values: readonly Value[], name: string, depth: number): Value {
  if (values.some((value) => value.arrayValue))
    throw invalid(`Cannot convert an array value in an array value: ${name}`);
  return { arrayValue: { values: values.map((value) => checkedValue(value, name, depth + 1)) } };
}

function checkLength({ stringValue, bytesValue }: Value, name: string): void {
  const isLong =
    stringValue === undefined
      ? (bytesValue?.length ?? 0) > maxValueBytes
      : stringValue.length * 3 > maxValueBytes && Buffer.byteLength(stringValue) > maxValueBytes;
  if (isLong) throw invalid(`The value of property "${name}" is longer than ${maxValueBytes} bytes.`);
}

function checkFieldName(name: string): void {
  if (name === "") throw invalid("The property name is empty.");
  if (/^__.*__$/s.test(name)) throw invalid(`The property name "${name}" is reserved.`);
  if (name.length * 3 > 1_500 && Buffer.byteLength(name) > 1_500) {
    throw invalid(`The property name "${name.slice(0, 40)}…" is longer than 1500 bytes.`);
  }
}
