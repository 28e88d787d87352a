import { messageOf, stackOf } from "./errors.ts";

type Fields = Readonly<Record<string, unknown>>;

const deepest = 6;

/**
 * Fields of a line of the log, as they can be written. JSON makes nothing of an error, a map or a set, and throws at
 * a bigint: an error becomes its whole reason, and the place where it was thrown `stack_trace`, which Cloud Logging
 * looks for.
 */
export function loggable(fields: Fields): Fields {
  const shown = Object.entries(fields).map(([name, value]) => [name, shownValue(value, [])] as const);
  const stack = "stack_trace" in fields ? undefined : stackAmong(Object.values(fields));
  return { ...Object.fromEntries(shown), ...(stack !== undefined && { stack_trace: stack }) };
}

function stackAmong(values: readonly unknown[]): string | undefined {
  return values.map(stackOf).find((stack) => stack !== undefined);
}

function shownValue(value: unknown, above: readonly object[]): unknown {
  if (typeof value === "number") return Number.isFinite(value) ? value : String(value);
  if (typeof value === "bigint" || typeof value === "symbol") return String(value);
  if (typeof value === "function") return `the function ${value.name}`;
  if (typeof value !== "object" || value === null) return value;
  if (isError(value)) return messageOf(value);
  if (above.includes(value)) return "(itself)";
  if (above.length >= deepest) return "…";
  const inside = [...above, value];
  const plain = plainOf(value);
  if (Array.isArray(plain)) return plain.map((item) => shownValue(item, inside));
  if (typeof plain !== "object" || plain === null) return plain;
  return Object.fromEntries(Object.entries(plain).map(([name, item]) => [name, shownValue(item, inside)]));
}

function isError(value: object): boolean {
  return value instanceof Error || Object.prototype.toString.call(value) === "[object Error]";
}

function plainOf(value: object): unknown {
  if (value instanceof Map) return Object.fromEntries([...value].map(([key, item]) => [String(key), item]));
  if (value instanceof Set) return [...value];
  if (ArrayBuffer.isView(value)) return `${value.byteLength} bytes`;
  if ("toJSON" in value && typeof value.toJSON === "function") return jsonOf(value);
  return value;
}

/** Dates, addresses and other values that say what they are as JSON. An invalid date throws, or is null. */
function jsonOf(value: object): unknown {
  try {
    const text: unknown = JSON.stringify(value);
    return typeof text === "string" ? JSON.parse(text) : String(value);
  } catch (error) {
    return messageOf(error);
  }
}
