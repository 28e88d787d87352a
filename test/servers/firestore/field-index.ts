import { DocumentSet, type StoredDocument } from "./document-set.ts";
import { type FieldPath, fieldAt } from "./field-paths.ts";
import { valueKey } from "./value-keys.ts";
import type { Value } from "./wire.ts";

/** `equal`: by the value of a field; `contains`: by each element of an array. */
export type IndexKind = "equal" | "contains";

/** Finds the documents of one collection by the value of one field. */
export class FieldIndex {
  readonly #path: FieldPath;
  readonly #kind: IndexKind;
  readonly #documents = new Map<string, DocumentSet>();

  constructor(path: FieldPath, kind: IndexKind) {
    this.#path = path;
    this.#kind = kind;
  }

  find(value: Value): DocumentSet | undefined {
    return this.#documents.get(valueKey(value));
  }

  replace(before: StoredDocument | undefined, after: StoredDocument | undefined): void {
    const newKeys = this.#keys(after);
    for (const key of this.#keys(before)) {
      if (!newKeys.has(key) && before) this.#remove(key, before.name.id);
    }
    if (after) for (const key of newKeys) this.#put(key, after);
  }

  #put(key: string, document: StoredDocument): void {
    const documents = this.#documents.get(key) ?? new DocumentSet();
    this.#documents.set(key, documents);
    documents.put(document);
  }

  #remove(key: string, id: string): void {
    const documents = this.#documents.get(key);
    documents?.remove(id);
    if (documents?.size === 0) this.#documents.delete(key);
  }

  #keys(document: StoredDocument | undefined): ReadonlySet<string> {
    const value = document && fieldAt(document.fields, this.#path);
    if (value === undefined) return new Set();
    if (this.#kind === "equal") return new Set([valueKey(value)]);
    return new Set((value.arrayValue?.values ?? []).map(valueKey));
  }
}
