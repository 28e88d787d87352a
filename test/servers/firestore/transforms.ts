import { checkedValue } from "./checked-values.ts";
import { equalValues, numberOf } from "./compare-values.ts";
import { invalid, unsupported } from "./errors.ts";
import { type FieldPath, fieldAt, parseFieldPath, withField } from "./field-paths.ts";
import { type Micros, toTimestamp } from "./store-clock.ts";
import type { Fields, FieldTransform, Value } from "./wire.ts";

export interface Transformed {
  readonly fields: Fields;
  readonly results: readonly Value[];
}

const maxTransforms = 500;
const largest = 2n ** 63n - 1n;

/** Applies the transforms in their order, at the time of the commit. Throws INVALID_ARGUMENT for more than 500. */
export function transformed(fields: Fields, transforms: readonly FieldTransform[], at: Micros): Transformed {
  if (transforms.length > maxTransforms) {
    throw invalid(`Cannot apply more than ${maxTransforms} field transforms to a single document.`);
  }
  const results: Value[] = [];
  let next = fields;
  for (const transform of transforms) {
    const path = parseFieldPath(transform.fieldPath ?? "");
    const { value, result } = apply(transform, next, path, at);
    next = withField(next, path, checkedValue(value, transform.fieldPath ?? ""));
    results.push(result);
  }
  return { fields: next, results };
}

interface Applied {
  readonly value: Value;
  /** What the caller hears. */
  readonly result: Value;
}

function apply(transform: FieldTransform, fields: Fields, path: FieldPath, at: Micros): Applied {
  const current = fieldAt(fields, path);
  if (transform.setToServerValue === "REQUEST_TIME") {
    // In whole milliseconds: that is all that the server's time has.
    const value = { timestampValue: toTimestamp(Math.floor(at / 1_000) * 1_000) };
    return { value, result: value };
  }
  if (transform.increment) {
    const value = incremented(current, transform.increment);
    return { value, result: value };
  }
  const elements = current?.arrayValue?.values ?? [];
  const nothing: Value = { nullValue: "NULL_VALUE" };
  if (transform.appendMissingElements) {
    const values = [...elements];
    for (const added of transform.appendMissingElements.values ?? []) {
      if (!values.some((value) => equalValues(value, added))) values.push(added);
    }
    return { value: { arrayValue: { values } }, result: nothing };
  }
  if (transform.removeAllFromArray) {
    const removed = transform.removeAllFromArray.values ?? [];
    const values = elements.filter((value) => !removed.some((other) => equalValues(value, other)));
    return { value: { arrayValue: { values } }, result: nothing };
  }
  throw unsupported("this field transform");
}

/** What is no number counts as absent; integers stop at the ends of 64 bits. */
function incremented(current: Value | undefined, by: Value): Value {
  if (current?.integerValue === undefined && current?.doubleValue === undefined) return by;
  if (current.integerValue === undefined || by.integerValue === undefined) {
    return { doubleValue: Number(numberOf(current)) + Number(numberOf(by)) };
  }
  const sum = BigInt(current.integerValue) + BigInt(by.integerValue);
  const bounded = sum > largest ? largest : sum < -largest - 1n ? -largest - 1n : sum;
  return { integerValue: String(bounded) };
}
