import { invalid } from "./errors.ts";
import type { Fields, Mask, Value } from "./wire.ts";

export type FieldPath = readonly string[];

const segment = /(?:([A-Za-z_][A-Za-z_0-9]*)|`((?:[^`\\]|\\.)+)`)(\.|$)/sy;
const parsed = new Map<string, FieldPath>();

/** ``a.`b-c`.d`` → `["a", "b-c", "d"]`. Throws INVALID_ARGUMENT. */
export function parseFieldPath(text: string): FieldPath {
  const known = parsed.get(text);
  if (known) return known;
  const segments: string[] = [];
  segment.lastIndex = 0;
  let isEnd = false;
  while (!isEnd) {
    const match = segment.exec(text);
    if (!match) throw invalid(`Invalid property path "${text}"`);
    segments.push(match[1] ?? (match[2] ?? "").replace(/\\(.)/gs, "$1"));
    isEnd = match[3] === "";
  }
  parsed.set(text, segments);
  return segments;
}

/** The other way round. */
export function formatFieldPath(path: FieldPath): string {
  return path
    .map((part) => (/^[A-Za-z_][A-Za-z_0-9]*$/.test(part) ? part : `\`${part.replace(/[`\\]/g, "\\$&")}\``))
    .join(".");
}

export function fieldAt(fields: Fields, [name, ...rest]: FieldPath): Value | undefined {
  const value = name !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined;
  if (rest.length === 0) return value;
  return value?.mapValue ? fieldAt(value.mapValue.fields ?? {}, rest) : undefined;
}

/** The fields with another value at a path; undefined removes it. Missing maps on the way are created. */
export function withField(fields: Fields, [name = "", ...rest]: FieldPath, value: Value | undefined): Fields {
  if (rest.length === 0) {
    if (value !== undefined) return { ...fields, [name]: value };
    const { [name]: _removed, ...others } = fields;
    return others;
  }
  const inner = fields[name]?.mapValue;
  if (value === undefined && !inner) return fields;
  return { ...fields, [name]: { mapValue: { fields: withField(inner?.fields ?? {}, rest, value) } } };
}

/** Only what the mask names; everything without a mask. */
export function masked(fields: Fields, mask: Mask | undefined): Fields {
  if (!mask) return fields;
  let kept: Fields = {};
  for (const text of mask.fieldPaths ?? []) {
    if (text === "__name__") continue;
    const path = parseFieldPath(text);
    const value = fieldAt(fields, path);
    if (value !== undefined) kept = withField(kept, path, value);
  }
  return kept;
}
