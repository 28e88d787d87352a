import { DocumentSet, type StoredDocument } from "./document-set.ts";
import { FieldIndex, type IndexKind } from "./field-index.ts";
import { type FieldPath, formatFieldPath } from "./field-paths.ts";
import type { Micros } from "./store-clock.ts";

/** How long a version can be read after it was replaced: an hour, as without point-in-time recovery. */
export const retentionMicros = 3_600_000_000;

interface Superseded {
  readonly document: StoredDocument;
  readonly until: Micros;
}

/** The documents of one collection: as they are now, and as they were within the last hour. */
export class Collection {
  readonly group: string;
  readonly documents = new DocumentSet();
  readonly #history = new Map<string, readonly Superseded[]>();
  readonly #indexes = new Map<string, FieldIndex>();
  #lastChange: Micros = 0;

  constructor(group: string) {
    this.group = group;
  }

  replace(id: string, after: StoredDocument | undefined, at: Micros): void {
    const before = this.documents.get(id);
    this.#lastChange = at;
    if (before) this.#keepOld(before, at);
    if (after) this.documents.put(after);
    else this.documents.remove(id);
    for (const index of this.#indexes.values()) index.replace(before, after);
  }

  /** Made when it is first asked for, and kept up to date from then on. */
  index(path: FieldPath, kind: IndexKind): FieldIndex {
    const key = `${kind} ${formatFieldPath(path)}`;
    const known = this.#indexes.get(key);
    if (known) return known;
    const made = new FieldIndex(path, kind);
    for (const document of this.documents.values()) made.replace(undefined, document);
    this.#indexes.set(key, made);
    return made;
  }

  getAt(id: string, time: Micros): StoredDocument | undefined {
    const old = this.#history.get(id)?.find(({ until }) => until > time)?.document;
    const document = old ?? this.documents.get(id);
    return document && document.updateTime <= time ? document : undefined;
  }

  /** All documents as they were. */
  documentsAt(time: Micros): DocumentSet {
    if (time >= this.#lastChange) return this.documents;
    const then = new DocumentSet();
    for (const id of new Set([
      ...this.#history.keys(),
      ...[...this.documents.values()].map(({ name }) => name.id),
    ])) {
      const document = this.getAt(id, time);
      if (document) then.put(document);
    }
    return then;
  }

  #keepOld(document: StoredDocument, until: Micros): void {
    const kept = (this.#history.get(document.name.id) ?? []).filter(
      (old) => old.until > until - retentionMicros,
    );
    this.#history.set(document.name.id, [...kept, { document, until }]);
  }
}
