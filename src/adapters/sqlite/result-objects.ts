import { createHash } from "node:crypto";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type {
  ListOptions,
  ObjectInfo,
  ObjectName,
  ObjectPage,
  ObjectPrefix,
  ObjectStore,
  ObjectVersion,
} from "../../ports/objects.ts";
import type { GroupCommit } from "./group-commit.ts";

/** The last character of Unicode: after a prefix, it is above every name that starts with it. */
const highest = String.fromCodePoint(0x10ffff);

/**
 * Large results as rows of the database file. They are committed with the documents of their turn: a file of its own
 * would need three more syncs, and without these a power cut could leave a result that is stored and empty. All other
 * buckets, and the results of earlier versions, are files.
 */
export class ResultObjects implements ObjectStore {
  readonly #group: GroupCommit;
  readonly #bucket: string;
  readonly #files: ObjectStore;
  readonly #insert: StatementSync;
  readonly #get: StatementSync;
  readonly #list: StatementSync;
  readonly #delete: StatementSync;

  constructor(database: DatabaseSync, group: GroupCommit, bucket: string, files: ObjectStore) {
    this.#group = group;
    this.#bucket = bucket;
    this.#files = files;
    group.writeNow(() =>
      database.exec(`
        CREATE TABLE IF NOT EXISTS result_objects (
          object TEXT PRIMARY KEY, content BLOB NOT NULL
        ) STRICT;
      `),
    );
    group.flush();
    this.#insert = database.prepare("INSERT OR REPLACE INTO result_objects (object, content) VALUES (?, ?)");
    this.#get = database.prepare("SELECT content FROM result_objects WHERE object = ?");
    this.#list = database.prepare(
      "SELECT object FROM result_objects WHERE object > ? AND object >= ? AND object < ? ORDER BY object LIMIT ?",
    );
    this.#delete = database.prepare("DELETE FROM result_objects WHERE object = ?");
  }

  async stat(name: ObjectName): Promise<ObjectInfo> {
    const content = this.#find(name);
    return content ? toInfo(name, content) : this.#files.stat(name);
  }

  async read(name: ObjectName): Promise<Uint8Array> {
    return this.#find(name) ?? this.#files.read(name);
  }

  /** Resolves when the result is durable, which is one sync of the database file at most. */
  async write(name: ObjectName, content: Uint8Array, contentType: string): Promise<ObjectInfo> {
    if (name.bucket !== this.#bucket) return this.#files.write(name, content, contentType);
    await this.#durably(() => this.#insert.run(name.object, content));
    return toInfo(name, content);
  }

  move(from: ObjectName, to: ObjectName): Promise<ObjectInfo> {
    return this.#files.move(from, to);
  }

  /** Rows and files together, in the order of their names. */
  async list(prefix: ObjectPrefix, options: ListOptions): Promise<ObjectPage> {
    const files = await this.#files.list(prefix, options);
    if (prefix.bucket !== this.#bucket) return files;
    const { limit, after = "" } = options;
    const found = this.#group.read(() =>
      this.#list.all(after, prefix.prefix, prefix.prefix + highest, limit + 1),
    );
    const rows = found.map(({ object }) => String(object));
    const names = [...new Set([...rows, ...files.objects.map(({ object }) => object)])].sort();
    const { bucket } = prefix;
    const objects = names.slice(0, limit).map((object) => ({ bucket, object, version: undefined }));
    const isMore = names.length > limit || files.next !== undefined;
    return { objects, next: isMore ? objects.at(-1)?.object : undefined };
  }

  async remove(listed: ObjectVersion): Promise<void> {
    if (listed.bucket === this.#bucket) await this.#durably(() => this.#delete.run(listed.object));
    await this.#files.remove(listed);
  }

  #find({ bucket, object }: ObjectName): Uint8Array | undefined {
    if (bucket !== this.#bucket) return undefined;
    const content = this.#group.read(() => this.#get.get(object))?.content;
    return content instanceof Uint8Array ? content : undefined;
  }

  async #durably(statements: () => void): Promise<void> {
    const since = this.#group.mark();
    await this.#group.write(statements);
    await this.#group.sync(since);
  }
}

/** The hash is computed when it is asked for: nothing asks for the one of a result that it has just written. */
function toInfo({ bucket, object }: ObjectName, content: Uint8Array): ObjectInfo {
  return {
    bucket,
    object,
    get generation() {
      return createHash("sha256").update(content).digest("hex");
    },
    bytes: content.byteLength,
    uri: `sqlite:${bucket}/${object}`,
  };
}
