import { compareText } from "./compare-values.ts";
import type { DocumentName } from "./names.ts";
import type { Micros } from "./store-clock.ts";
import type { Fields } from "./wire.ts";

/** One version of a document. Never changed after it was made. */
export interface StoredDocument {
  readonly name: DocumentName;
  readonly fields: Fields;
  readonly createTime: Micros;
  readonly updateTime: Micros;
}

/** Documents of one collection by id. The order of the ids is computed on first use, and kept. */
export class DocumentSet {
  readonly #byId = new Map<string, StoredDocument>();
  #sortedIds: readonly string[] | undefined;

  get size(): number {
    return this.#byId.size;
  }

  get(id: string): StoredDocument | undefined {
    return this.#byId.get(id);
  }

  put(document: StoredDocument): void {
    if (!this.#byId.has(document.name.id)) this.#sortedIds = undefined;
    this.#byId.set(document.name.id, document);
  }

  remove(id: string): void {
    if (this.#byId.delete(id)) this.#sortedIds = undefined;
  }

  values(): Iterable<StoredDocument> {
    return this.#byId.values();
  }

  /** By id, those after the given one, or from it on. */
  *sorted(from?: { readonly id: string; readonly isIncluded: boolean }): Iterable<StoredDocument> {
    this.#sortedIds ??= [...this.#byId.keys()].sort(compareText);
    const ids = this.#sortedIds;
    for (let index = from ? firstIndex(ids, from) : 0; index < ids.length; index++) {
      const document = this.#byId.get(ids[index] ?? "");
      if (document) yield document;
    }
  }
}

function firstIndex(
  ids: readonly string[],
  from: { readonly id: string; readonly isIncluded: boolean },
): number {
  let low = 0;
  let high = ids.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const difference = compareText(ids[middle] ?? "", from.id);
    if (difference < 0 || (difference === 0 && !from.isIncluded)) low = middle + 1;
    else high = middle;
  }
  return low;
}
