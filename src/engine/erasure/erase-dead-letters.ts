import { errorCode } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { type DeadLetter, DeadLetterSchema } from "../../core/records.ts";
import { type ErasedBatchIds, hasBatchId } from "../../core/storage/erasure.ts";
import type { StoredDocument } from "../../ports/store.ts";
import { type DeadLetters, objectOf } from "../dead-letters.ts";
import type { Ports } from "../dependencies.ts";
import { deleteEach, removeObjects } from "../records/bulk.ts";
import { commitIdempotent } from "../records/commit.ts";
import { pages } from "../records/records.ts";

export interface FoundLetters {
  /** Ids of the dead letters whose messages name these batches. */
  readonly deadLetters: readonly string[];
  /**
   * The number of dead letters that can't be read, as they are of another version or lost their body. They are kept.
   */
  readonly unreadableLetters: number;
}

/** Erases dead letters whose messages name erased batches. Only the bodies say which, so all are read. */
export class DeadLetterErasure {
  readonly #ports: Ports<"store" | "objects" | "ids">;
  readonly #deadLetters: DeadLetters;
  readonly #forgotten: ErasedBatchIds;

  constructor(
    ports: Ports<"store" | "objects" | "ids">,
    deadLetters: DeadLetters,
    forgotten: ErasedBatchIds,
  ) {
    this.#ports = ports;
    this.#deadLetters = deadLetters;
    this.#forgotten = forgotten;
  }

  async list(): Promise<FoundLetters> {
    const deadLetters: string[] = [];
    let unreadableLetters = 0;
    for await (const found of this.#found())
      if (found) deadLetters.push(found.letter.deadLetterId);
      else unreadableLetters += 1;
    return { deadLetters, unreadableLetters };
  }

  async delete(): Promise<void> {
    for await (const found of this.#found()) if (found) await this.#delete(found);
  }

  /** Undefined: a dead letter that can't be read. */
  async *#found(): AsyncGenerator<StoredLetter | undefined> {
    const { store } = this.#ports;
    for await (const page of pages(store, "deadLetters", [], limits.largeDocumentsPage))
      for (const document of page.documents) {
        const { data: letter } = DeadLetterSchema.safeParse(document.data);
        const body = letter && (await this.#bodyOf(letter));
        if (!letter || !body) yield undefined;
        else if (hasBatchId(body, this.#forgotten)) yield { document, letter };
      }
  }

  /** Undefined: the body is gone. */
  async #bodyOf(letter: DeadLetter): Promise<Uint8Array | undefined> {
    try {
      return await this.#deadLetters.bodyOf(letter);
    } catch (error) {
      if (errorCode(error) === "FILE_MISSING") return undefined;
      throw error;
    }
  }

  /**
   * A large body is removed before its document. If the process dies in between, the document is found by a small body
   * with the batch id.
   */
  async #delete({ document, letter }: StoredLetter): Promise<void> {
    const { store, objects, ids } = this.#ports;
    const { key } = document;
    let { version } = document;
    const { bucket, object } = objectOf(letter.deadLetterId);
    if (letter.body === null) {
      const [batchId] = this.#forgotten;
      const body = Buffer.from(JSON.stringify({ batchId })).toString("base64");
      const data: DeadLetter = { ...letter, body, nonce: ids.unique() };
      const written = await commitIdempotent(store, { kind: "update", key, version, data });
      if (written.kind === "lost") return this.#deleteAgain(found(written.current.document));
      version = written.committed.version;
    }
    await removeObjects(objects, { bucket, prefix: object });
    const [isDeleted] = await deleteEach(store, [{ ...document, version }]);
    if (!isDeleted) await this.#deleteAgain(found((await store.get(key)).document));
  }

  async #deleteAgain(current: StoredLetter | undefined): Promise<void> {
    if (current) await this.#delete(current);
  }
}

interface StoredLetter {
  readonly document: StoredDocument;
  readonly letter: DeadLetter;
}

function found(document: StoredDocument | undefined): StoredLetter | undefined {
  return document && { document, letter: DeadLetterSchema.parse(document.data) };
}
