import { Collection } from "./collection.ts";
import type { StoredDocument } from "./document-set.ts";
import type { DocumentName } from "./names.ts";
import type { Micros } from "./store-clock.ts";

/** A document before and after a commit; undefined: it does not exist. */
export interface Change {
  readonly name: DocumentName;
  readonly before: StoredDocument | undefined;
  readonly after: StoredDocument | undefined;
}

/** All documents of all databases, in memory. */
export class DocumentStore {
  readonly #collections = new Map<string, Collection>();

  get(name: DocumentName, at?: Micros): StoredDocument | undefined {
    const collection = this.#collections.get(name.collection);
    return at === undefined ? collection?.documents.get(name.id) : collection?.getAt(name.id, at);
  }

  /** Nothing else sees a part of it. */
  apply(changes: Iterable<Change>, at: Micros): void {
    for (const { name, before, after } of changes) {
      if (before !== after) this.#collection(name).replace(name.id, after, at);
    }
  }

  find(path: string): Collection | undefined {
    return this.#collections.get(path);
  }

  /** The collections of that group below the parent, at any depth. */
  group(parent: string, group: string): Collection[] {
    return [...this.#collections]
      .filter(([path, collection]) => collection.group === group && path.startsWith(`${parent}/`))
      .map(([, collection]) => collection);
  }

  *all(): Iterable<StoredDocument> {
    for (const collection of this.#collections.values()) yield* collection.documents.values();
  }

  #collection(name: DocumentName): Collection {
    const known = this.#collections.get(name.collection);
    if (known) return known;
    const made = new Collection(name.collectionGroup);
    this.#collections.set(name.collection, made);
    return made;
  }
}
