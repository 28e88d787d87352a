const words = 4;
const hexCharactersPerWord = 8;
/** Above this share of used places, finding a free one takes long. */
const mostUsed = 0.6;

/** Which hashes have been seen: sixteen bytes for each, so that many millions fit. */
export class SeenHashes {
  #places = 1024;
  #used = 0;
  #table = new Uint32Array(this.#places * words);

  /** Whether the hash, in hexadecimal, is new; from now on it is not. Its first 128 bits count. */
  add(hash: string): boolean {
    if (this.#used >= this.#places * mostUsed) this.#grow();
    const isNew = this.#put(wordsOf(hash));
    if (isNew) this.#used += 1;
    return isNew;
  }

  #grow(): void {
    const before = this.#table;
    this.#places *= 2;
    this.#table = new Uint32Array(this.#places * words);
    for (let at = 0; at < before.length; at += words)
      if (before[at] !== 0) this.#put(before.subarray(at, at + words));
  }

  #put(hash: Uint32Array): boolean {
    for (let place = (hash[1] ?? 0) % this.#places; ; place = (place + 1) % this.#places) {
      const found = this.#table.subarray(place * words, (place + 1) * words);
      if (found[0] === 0) {
        found.set(hash);
        return true;
      }
      if (found.every((word, index) => word === hash[index])) return false;
    }
  }
}

/** The first word is never 0, which stands for a free place. */
function wordsOf(hash: string): Uint32Array {
  const parsed = Uint32Array.from({ length: words }, (_, index) =>
    Number.parseInt(hash.slice(index * hexCharactersPerWord, (index + 1) * hexCharactersPerWord), 16),
  );
  parsed[0] = (parsed[0] ?? 0) || 1;
  return parsed;
}
