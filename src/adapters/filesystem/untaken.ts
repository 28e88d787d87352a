import type { Logger } from "../../ports/logger.ts";

/** How many files one scan logs one by one. Of more files it logs the number. */
const toldOneByOne = 20;
/** Names that are remembered as told. Of files beyond that number nothing is said. */
const mostTold = 10_000;

/**
 * Tells once of each file of the inbox that no workflow takes; of those that are there at first, how many there are.
 */
export class Untaken {
  readonly #bucket: string;
  readonly #logger: Logger;
  #told = new Set<string>();
  #there = new Set<string>();
  #isFirstLook = true;
  #found: { readonly object: string; readonly reason: string }[] = [];

  constructor(bucket: string, logger: Logger) {
    this.#bucket = bucket;
    this.#logger = logger;
  }

  note(object: string, reason: string): void {
    if (!this.#told.has(object)) {
      if (this.#told.size >= mostTold) return;
      this.#told.add(object);
      this.#found.push({ object, reason });
    }
    this.#there.add(object);
  }

  tell(): void {
    const found = this.#found;
    this.#found = [];
    if (found.length > toldOneByOne || (this.#isFirstLook && found.length > 0))
      this.#logger.info("no workflow takes these files of the inbox", {
        bucket: this.#bucket,
        files: found.length,
        first: found.slice(0, toldOneByOne).map(({ object }) => object),
      });
    else
      for (const { object, reason } of found)
        this.#logger.info("no workflow takes the file", { bucket: this.#bucket, object, reason });
  }

  /** The scan has noted all files that exist. The others are gone, and are logged again if they come back. */
  endLook(): void {
    this.tell();
    this.#isFirstLook = false;
    this.#told = this.#there;
    this.#there = new Set();
  }
}
