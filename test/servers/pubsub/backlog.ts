import type { Random } from "../../../src/testing/world/random.ts";

/** What waits its turn, first come first served, or picked at random. Both in constant time. */
export class Backlog<Item> {
  readonly #items: Item[] = [];
  #head = 0;

  get size(): number {
    return this.#items.length - this.#head;
  }

  push(item: Item): void {
    this.#items.push(item);
  }

  first(): Item | undefined {
    const item = this.#items[this.#head];
    if (item !== undefined) this.#dropHead();
    return item;
  }

  any(random: Random): Item | undefined {
    const head = this.#items[this.#head];
    if (head === undefined) return undefined;
    const index = random.between(this.#head, this.#items.length - 1);
    const picked = this.#items[index];
    this.#items[index] = head;
    this.#dropHead();
    return picked;
  }

  #dropHead(): void {
    this.#head++;
    if (this.#head < 1_024 || this.#head * 2 < this.#items.length) return;
    this.#items.splice(0, this.#head);
    this.#head = 0;
  }
}
