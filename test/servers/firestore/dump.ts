import { compareText } from "./compare-values.ts";
import type { DocumentStore } from "./document-store.ts";
import { relativePath } from "./names.ts";
import { type Micros, toMicros } from "./store-clock.ts";
import type { Fields, Value } from "./wire.ts";

/** Values as tests like to compare them: whole numbers that fit as numbers, times as ISO 8601, references as names. */
type PlainValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | Buffer
  | readonly PlainValue[]
  | { readonly [name: string]: PlainValue };

export interface DumpedDocument {
  /** `batches/b1`. */
  readonly path: string;
  readonly data: { readonly [name: string]: PlainValue };
  readonly createTime: Micros;
  readonly updateTime: Micros;
}

/** All documents, by their paths. */
export function dump(store: DocumentStore): readonly DumpedDocument[] {
  return [...store.all()]
    .map(({ name, fields, createTime, updateTime }) => ({
      path: relativePath(name.full),
      data: plainFields(fields),
      createTime,
      updateTime,
    }))
    .sort((one, other) => compareText(one.path, other.path));
}

function plainFields(fields: Fields): { readonly [name: string]: PlainValue } {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, plain(value)]));
}

function plain(value: Value): PlainValue {
  if (value.integerValue !== undefined) {
    const number = Number(value.integerValue);
    return Number.isSafeInteger(number) ? number : BigInt(value.integerValue);
  }
  if (value.timestampValue) return new Date(toMicros(value.timestampValue) / 1_000).toISOString();
  if (value.arrayValue) return (value.arrayValue.values ?? []).map(plain);
  if (value.mapValue) return plainFields(value.mapValue.fields ?? {});
  if (value.geoPointValue) return { ...value.geoPointValue };
  return (
    value.stringValue ??
    value.booleanValue ??
    value.doubleValue ??
    value.bytesValue ??
    value.referenceValue ??
    null
  );
}
