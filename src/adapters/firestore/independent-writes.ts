import type { BulkWriter, Precondition, WriteResult } from "@google-cloud/firestore";
import { BatonError, messageOf } from "../../core/errors.ts";
import { ConflictError, type EachCommitted, type Version, type Write } from "../../ports/store.ts";
import { grpcCodeOf, grpcStatus, isDenied } from "../remote/grpc.ts";
import type { FirestoreClient } from "./client.ts";
import { versionOf } from "./encoding.ts";

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

const conflicts: ReadonlySet<number> = new Set([
  grpcStatus.notFound,
  grpcStatus.alreadyExists,
  grpcStatus.failedPrecondition,
]);

/** What a refused write means: its condition did not hold, or whether it was applied is open. */
export function writeError(thrown: unknown): Error {
  const code = grpcCodeOf(thrown);
  if (code !== undefined && conflicts.has(code))
    return new ConflictError(`A condition does not hold: ${messageOf(thrown)}`, { cause: thrown });
  return storeError(thrown);
}

export function storeError(thrown: unknown): BatonError {
  const code = grpcCodeOf(thrown);
  const context = { where: "Firestore", cause: thrown };
  if (isDenied(code)) return new BatonError("STORE_DENIED", messageOf(thrown), context);
  if (code === grpcStatus.invalidArgument) return new BatonError("STORE_REFUSED", messageOf(thrown), context);
  if (code === grpcStatus.failedPrecondition)
    return new BatonError("STORE_INDEX_MISSING", messageOf(thrown), context);
  if (code === grpcStatus.notFound) return new BatonError("STORE_MISSING", messageOf(thrown), context);
  return new BatonError("STORE_FAILED", messageOf(thrown), context);
}

/** The document was last written at that time. A version that Firestore never made is one that no document has. */
export async function conditionOn(version: Version): Promise<Precondition> {
  const { Timestamp } = await import("@google-cloud/firestore");
  const [seconds = "0", nanoseconds = "0"] = version.split(".");
  return { lastUpdateTime: new Timestamp(Number(seconds), Number(nanoseconds)) };
}
