import type { BulkWriter, WriteResult } from "@google-cloud/firestore";
import type { EachCommitted, Write } from "../../ports/store.ts";
import type { FirestoreClient } from "./client.ts";
import { versionOf } from "./encoding.ts";
import { writeError } from "./errors.ts";
import { conditionOn } from "./version-condition.ts";

type Encode = (write: Exclude<Write, { kind: "delete" }>) => Record<string, unknown>;

/** Writes that do not depend on each other, sent together; each has a result of its own. */
export class IndependentWrites {
  readonly #client: FirestoreClient;
  readonly #encode: Encode;

  constructor(client: FirestoreClient, encode: Encode) {
    this.#client = client;
    this.#encode = encode;
  }

  async commit(writes: readonly Write[]): Promise<readonly EachCommitted[]> {
    const firestore = await this.#client.firestore();
    // The ids are spread by their hash: there is no need to begin slowly.
    const writer = firestore.bulkWriter({ throttling: false });
    writer.onWriteError(() => false);
    const results = [];
    for (const write of writes) results.push(toResult(await this.#send(writer, write)));
    await writer.close();
    return Promise.all(results);
  }

  /** Wrapped, so that waiting for the sending is not waiting for its result. */
  async #send(writer: BulkWriter, write: Write): Promise<{ readonly result: Promise<WriteResult> }> {
    const reference = await this.#client.reference(write.key);
    if (write.kind === "create") return { result: writer.create(reference, this.#encode(write)) };
    const condition = await conditionOn(write.version);
    if (write.kind === "delete") return { result: writer.delete(reference, condition) };
    return { result: writer.update(reference, this.#encode(write), condition) };
  }
}

async function toResult({ result }: { readonly result: Promise<WriteResult> }): Promise<EachCommitted> {
  try {
    const { writeTime } = await result;
    return { ok: true, committed: { version: versionOf(writeTime), commitTime: writeTime.toMillis() } };
  } catch (thrown) {
    return { ok: false, error: writeError(thrown) };
  }
}
