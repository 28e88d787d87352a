import { TaskError } from "../../core/errors/errors.ts";
import type { ArchivedCallback, CallbackArchive, CallbackSender } from "../../ports/callbacks.ts";
import type { ObjectStore } from "../../ports/objects.ts";
import type { CommitEachResult, DocumentStore, MaybePromise, Write } from "../../ports/store.ts";
import type { Change, Documents } from "./documents.ts";
import type { Fault } from "./faults.ts";
import type { Process } from "./process.ts";
import type { World } from "./world.ts";

/** A commit, in the moment it is applied. */
export interface Commit {
  readonly changes: readonly Change[];
  readonly by: Process;
  /** What goes wrong with it. */
  readonly fault: Fault | undefined;
}

/** The outside system that callbacks go to, and the archive of callbacks. */
interface CallbackReceiver {
  /** Throws if it does not accept the callback. */
  take(url: string, webhookId: string, body: string): void;
  archive(callback: ArchivedCallback): void;
}

/** What every process shares, and no crash takes away. */
export interface SharedServices {
  readonly world: World;
  readonly documents: Documents;
  readonly objects: Map<string, Uint8Array>;
  readonly receiver: CallbackReceiver;
  /** Called for every commit, in the moment it is applied. */
  readonly onCommit: (commit: Commit) => void;
}

/** The document store as one process reaches it. */
export function storePort({ world, documents, onCommit }: SharedServices, process: Process): DocumentStore {
  const commit = (writes: readonly Write[], fault: Fault | undefined) => {
    const { committed, changes } = documents.commit(writes, world.now);
    onCommit({ changes, by: process, fault });
    return committed;
  };
  const commitOne = (write: Write, fault: Fault | undefined): CommitEachResult => {
    try {
      return { ok: true, committed: commit([write], fault) };
    } catch (error) {
      return { ok: false, error: error instanceof Error ? error : new Error(String(error)) };
    }
  };
  return {
    get: (key) =>
      process.callStore(
        "read",
        () => `get ${key.collection}/${key.id}`,
        () => ({
          document: documents.get(key),
          readTime: world.now,
        }),
      ),
    commit: (writes) =>
      process.callStore(
        "write",
        () => `commit ${shown(writes)}`,
        (fault) => commit(writes, fault),
      ),
    // Each write travels alone: that is how Firestore's BatchWrite answers, and fails.
    commitEach: (writes) => {
      const answers = writes.map((write): MaybePromise<CommitEachResult> => {
        const answer = process.callStore(
          "write",
          () => `commit each ${shown([write])}`,
          (fault) => commitOne(write, fault),
        );
        if (!(answer instanceof Promise)) return answer;
        return answer.catch((error: Error): CommitEachResult => ({ ok: false, error }));
      });
      const answered = answers.filter((answer): answer is CommitEachResult => !(answer instanceof Promise));
      return answered.length === writes.length ? answered : Promise.all(answers);
    },
    count: (collection, condition) =>
      process.callStore(
        "read",
        () => `count ${collection} ${condition.equals}`,
        () => documents.count(collection, condition),
      ),
    query: (collection, conditions, options) =>
      process.callStore(
        "read",
        () => `query ${collection}`,
        () => ({
          documents: documents.query(collection, conditions, options),
          readTime: world.now,
        }),
      ),
    newest: (collection, conditions, order, limit) =>
      process.callStore(
        "read",
        () => `list ${collection}`,
        () => ({ documents: documents.newest(collection, conditions, order, limit), readTime: world.now }),
      ),
    inOrder: () => undefined,
    mark: () => 0,
    sync: () => process.sync(),
  };
}

export function objectsPort({ objects }: SharedServices, process: Process): ObjectStore {
  const pathOf = ({ bucket, object }: { bucket: string; object: string }) => `${bucket}/${object}`;
  const infoOf = (name: { bucket: string; object: string }, bytes: number) => ({
    bucket: name.bucket,
    object: name.object,
    generation: "1",
    bytes,
    uri: `simulated://${pathOf(name)}`,
  });
  const found = (name: { bucket: string; object: string }) => {
    const content = objects.get(pathOf(name));
    if (!content) throw new TaskError(`There is no ${pathOf(name)}`, { code: "FILE_MISSING" });
    return content;
  };
  return {
    stat: (name) =>
      process.call(
        "object",
        () => `stat ${pathOf(name)}`,
        () => infoOf(name, found(name).byteLength),
      ),
    read: (name) =>
      process.call(
        "object",
        () => `read ${pathOf(name)}`,
        () => found(name),
      ),
    write: (name, content) =>
      process.call(
        "object",
        () => `write ${pathOf(name)}`,
        () => {
          objects.set(pathOf(name), content);
          return infoOf(name, content.byteLength);
        },
      ),
    move: () => Promise.reject(new Error("No task of a simulation moves files")),
    list: ({ bucket, prefix }, { limit, after = "" }) =>
      process.call(
        "object",
        () => `list ${bucket}/${prefix}`,
        () => {
          const names = [...objects.keys()].filter((name) => name.startsWith(`${bucket}/${prefix}`)).sort();
          const left = names.map((name) => name.slice(bucket.length + 1)).filter((object) => object > after);
          const page = left.slice(0, limit).map((object) => ({ bucket, object, version: undefined }));
          return { objects: page, next: left.length > limit ? page.at(-1)?.object : undefined };
        },
      ),
    remove: (listed) =>
      process.call(
        "object",
        () => `remove ${pathOf(listed)}`,
        () => void objects.delete(pathOf(listed)),
      ),
  };
}

export function callbacksPort({ receiver }: SharedServices, process: Process): CallbackSender {
  return {
    send: async ({ url, webhookId, body }) => {
      await process.call(
        "callback",
        () => `${webhookId} to ${url}`,
        () => receiver.take(url, webhookId, body),
      );
    },
  };
}

export function archivePort({ receiver }: SharedServices, process: Process): CallbackArchive {
  return {
    store: async (_table, callback) => {
      await process.call(
        "archive",
        () => callback.eventId,
        () => receiver.archive(callback),
      );
    },
    get: () => Promise.reject(new Error("A simulation does not read the archive")),
    find: () => Promise.reject(new Error("A simulation does not read the archive")),
  };
}

function shown(writes: readonly Write[]): string {
  return writes.map((write) => `${write.key.collection}/${write.key.id}${stateOf(write)}`).join(" + ");
}

function stateOf(write: Write): string {
  if (write.kind === "delete") return " deleted";
  const { status, state, reason, attempt, resumes, error } = write.data;
  const claim = attempt === undefined ? undefined : `attempt ${attempt}.${resumes}`;
  const words = [status ?? state, reason, claim, error ? JSON.stringify(error) : undefined];
  return ` ${words.filter((word) => word !== undefined && word !== null).join(" ")}`;
}
