import { toMicros } from "./store-clock.ts";
import type { Fields, Value } from "./wire.ts";

/** The order of kinds of values in Firestore; values of different kinds compare by it alone. */
const kinds = [
  "nullValue",
  "booleanValue",
  "number",
  "timestampValue",
  "stringValue",
  "bytesValue",
  "referenceValue",
  "geoPointValue",
  "arrayValue",
  "mapValue",
] as const;

type Kind = (typeof kinds)[number];

export function kindOf(value: Value): Kind {
  if (value.integerValue !== undefined || value.doubleValue !== undefined) return "number";
  return kinds.find((kind) => kind !== "number" && value[kind] !== undefined) ?? "nullValue";
}

/** Negative, 0 or positive: the total order that Firestore sorts by. */
export function compareValues(one: Value, other: Value): number {
  const kind = kindOf(one);
  const otherKind = kindOf(other);
  if (kind !== otherKind) return kinds.indexOf(kind) - kinds.indexOf(otherKind);
  return comparisons[kind](one, other);
}

export function equalValues(one: Value, other: Value): boolean {
  return compareValues(one, other) === 0;
}

const comparisons: Readonly<Record<Kind, (one: Value, other: Value) => number>> = {
  nullValue: () => 0,
  booleanValue: (one, other) => Number(one.booleanValue) - Number(other.booleanValue),
  number: compareNumbers,
  timestampValue: (one, other) => toMicros(one.timestampValue ?? {}) - toMicros(other.timestampValue ?? {}),
  stringValue: (one, other) => compareText(one.stringValue ?? "", other.stringValue ?? ""),
  bytesValue: (one, other) => Buffer.compare(one.bytesValue ?? Buffer.of(), other.bytesValue ?? Buffer.of()),
  referenceValue: (one, other) => compareNames(one.referenceValue ?? "", other.referenceValue ?? ""),
  geoPointValue: (one, other) =>
    (one.geoPointValue?.latitude ?? 0) - (other.geoPointValue?.latitude ?? 0) ||
    (one.geoPointValue?.longitude ?? 0) - (other.geoPointValue?.longitude ?? 0),
  arrayValue: (one, other) => compareLists(one.arrayValue?.values ?? [], other.arrayValue?.values ?? []),
  mapValue: (one, other) => compareMaps(one.mapValue?.fields ?? {}, other.mapValue?.fields ?? {}),
};

/** Integers and doubles mix; NaN comes first. */
function compareNumbers(one: Value, other: Value): number {
  const left = numberOf(one);
  const right = numberOf(other);
  if (Number.isNaN(left) || Number.isNaN(right))
    return Number(Number.isNaN(right)) - Number(Number.isNaN(left));
  return left < right ? -1 : left > right ? 1 : 0;
}

/** A bigint beyond what a number holds exactly; JavaScript compares the two with each other. */
export function numberOf(value: Value): number | bigint {
  if (value.integerValue === undefined) return value.doubleValue ?? 0;
  const number = Number(value.integerValue);
  return Number.isSafeInteger(number) ? number : BigInt(value.integerValue);
}

function compareLists(one: readonly Value[], other: readonly Value[]): number {
  for (const [index, value] of one.entries()) {
    const counterpart = other[index];
    if (counterpart === undefined) return 1;
    const difference = compareValues(value, counterpart);
    if (difference !== 0) return difference;
  }
  return one.length - other.length;
}

function compareMaps(one: Fields, other: Fields): number {
  const asList = (fields: Fields): Value[] =>
    Object.entries(fields)
      .sort(([left], [right]) => compareText(left, right))
      .flatMap(([stringValue, value]) => [{ stringValue }, value]);
  return compareLists(asList(one), asList(other));
}

/** By the bytes of their UTF-8, as Firestore does: JavaScript's own order differs beyond the basic plane. */
export function compareText(one: string, other: string): number {
  const length = Math.min(one.length, other.length);
  for (let index = 0; index < length; index++) {
    const left = one.charCodeAt(index);
    const right = other.charCodeAt(index);
    if (left !== right) return codeUnitRank(left) - codeUnitRank(right);
  }
  return one.length - other.length;
}

function codeUnitRank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/** Names compare segment by segment. */
export function compareNames(one: string, other: string): number {
  const left = one.split("/");
  const right = other.split("/");
  for (const [index, segment] of left.entries()) {
    const counterpart = right[index];
    if (counterpart === undefined) return 1;
    const difference = compareText(segment, counterpart);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}
