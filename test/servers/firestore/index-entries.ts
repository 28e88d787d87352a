import type { StoredDocument } from "./document-set.ts";
import { invalid } from "./errors.ts";
import { type FieldPath, fieldAt, formatFieldPath, parseFieldPath } from "./field-paths.ts";
import type { CompositeIndex, IndexConfig, IndexMode } from "./index-config.ts";
import { valueKey } from "./value-keys.ts";
import type { Fields, Value } from "./wire.ts";

const maxEntries = 40_000;
/** Longer values are cut off in an index. */
const maxIndexedLength = 1_500;

/**
 * How many index entries the change of a document adds and removes, together. A field that is no map stands once in
 * each of its sorted indexes, an array once per distinct element in its index of elements; a map's fields count by
 * themselves. Throws INVALID_ARGUMENT for a document with more than 40,000 entries.
 */
export function changedIndexEntries(
  before: StoredDocument | undefined,
  after: StoredDocument | undefined,
  config: IndexConfig,
): number {
  const old = entriesOf(before, config);
  const next = entriesOf(after, config);
  if (next.size > maxEntries) throw invalid(`too many index entries for entity ${after?.name.full}`);
  let kept = 0;
  for (const entry of next) if (old.has(entry)) kept++;
  return old.size - kept + (next.size - kept);
}

function entriesOf(document: StoredDocument | undefined, config: IndexConfig): ReadonlySet<string> {
  const entries = new Set<string>();
  if (!document) return entries;
  const group = document.name.collectionGroup;
  addSingleFields(entries, document.fields, [], group, config);
  for (const [number, index] of config.composites.entries()) {
    if (index.collectionGroup !== group) continue;
    for (const key of compositeKeys(document.fields, index)) entries.add(`${number} ${key}`);
  }
  return entries;
}

function addSingleFields(
  entries: Set<string>,
  fields: Fields,
  parent: FieldPath,
  group: string,
  config: IndexConfig,
): void {
  for (const [name, value] of Object.entries(fields)) {
    const path = [...parent, name];
    if (value.mapValue) {
      addSingleFields(entries, value.mapValue.fields ?? {}, path, group, config);
      continue;
    }
    const prefix = formatFieldPath(path);
    for (const mode of config.ofField(group, path)) {
      const isForArrays = mode.arrayConfig !== undefined;
      if (isForArrays !== (value.arrayValue !== undefined)) continue;
      const kind = `${mode.order ?? "CONTAINS"} ${mode.queryScope}`;
      for (const key of keysIn(mode, value)) entries.add(`${prefix} ${kind} ${key}`);
    }
  }
}

/** None when the document lacks one of the index's fields. */
function compositeKeys(fields: Fields, index: CompositeIndex): readonly string[] {
  let keys = [""];
  for (const { fieldPath, ...mode } of index.fields) {
    if (fieldPath === "__name__") continue;
    const value = fieldAt(fields, parseFieldPath(fieldPath));
    const own = value === undefined ? [] : keysIn(mode, value);
    keys = keys.flatMap((key) => own.map((next) => `${key} ${next}`));
  }
  return keys;
}

function keysIn(mode: IndexMode, value: Value): readonly string[] {
  if (mode.arrayConfig === undefined) return [indexedKey(value)];
  return [...new Set((value.arrayValue?.values ?? []).map(indexedKey))];
}

function indexedKey(value: Value): string {
  return valueKey(value).slice(0, maxIndexedLength);
}
