import { errorCode } from "../../core/errors/errors.ts";
import { limits } from "../../core/limits.ts";
import { type DeadLetter, DeadLetterSchema } from "../../core/records.ts";
import { type ErasedBatchIds, hasBatchId } from "../../core/views/erasure.ts";
import type { StoredDocument } from "../../ports/store.ts";
import { type DeadLetters, objectOf } from "../dead-letters.ts";
import type { Dependencies } from "../dependencies.ts";
import { deleteEach, removeObjects } from "../records/bulk.ts";
import { commitIdempotent } from "../records/commit.ts";
import { pages } from "../records/records.ts";

export interface FoundLetters {
  /** Ids of the dead letters whose messages are of these batches. */
  readonly deadLetters: readonly string[];
  /** How many dead letters can't be read: they are of another version, or their body is gone. They stay. */
  readonly unreadableLetters: number;
}

/** The dead letters whose messages are of forgotten batches. Nothing but their bodies tells: all of them are read. */
export class DeadLetterErasure {
  readonly #dependencies: Dependencies;
  readonly #deadLetters: DeadLetters;
  readonly #forgotten: ErasedBatchIds;

  constructor(dependencies: Dependencies, deadLetters: DeadLetters, forgotten: ErasedBatchIds) {
    this.#dependencies = dependencies;
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

  /** Undefined stands for one that can't be read. */
  async *#found(): AsyncGenerator<Found | undefined> {
    const { store } = this.#dependencies;
    for await (const page of pages(store, "deadLetters", [], limits.largeDocumentsPage))
      for (const document of page.documents) {
        const { data: letter } = DeadLetterSchema.safeParse(document.data);
        const body = letter && (await this.#bodyOf(letter));
        if (!letter || !body) yield undefined;
        else if (hasBatchId(body, this.#forgotten)) yield { document, letter };
      }
  }

  /** Undefined where it is gone: nobody can tell of which batch it was. */
  async #bodyOf(letter: DeadLetter): Promise<Uint8Array | undefined> {
    try {
      return await this.#deadLetters.bodyOf(letter);
    } catch (error) {
      if (errorCode(error) === "FILE_MISSING") return undefined;
      throw error;
    }
  }

  /** A large body goes before its document, which has to be found again all the same: it gets a body that names the batch alone. */
  async #delete({ document, letter }: Found): Promise<void> {
    const { store, objects, ids } = this.#dependencies;
    const { key } = document;
    let { version } = document;
    const { bucket, object } = objectOf(letter.deadLetterId);
    if (letter.body === null) {
      const [batchId] = this.#forgotten;
      const body = Buffer.from(JSON.stringify({ batchId })).toString("base64");
      const data: DeadLetter = { ...letter, body, nonce: ids.unique() };
      const written = await commitIdempotent(store, { kind: "update", key, version, data });
      if (written.kind === "lost") return this.#deleteAnew(found(written.current.document));
      version = written.committed.version;
    }
    await removeObjects(objects, { bucket, prefix: object });
    const [isDeleted] = await deleteEach(store, [{ ...document, version }]);
    if (!isDeleted) await this.#deleteAnew(found((await store.get(key)).document));
  }

  async #deleteAnew(current: Found | undefined): Promise<void> {
    if (current) await this.#delete(current);
  }
}

interface Found {
  readonly document: StoredDocument;
  readonly letter: DeadLetter;
}

function found(document: StoredDocument | undefined): Found | undefined {
  return document && { document, letter: DeadLetterSchema.parse(document.data) };
}
