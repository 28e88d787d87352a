/** The name of an object. A generation, if given, must still be the current one. */
export interface ObjectName {
  readonly bucket: string;
  readonly object: string;
  readonly generation?: string;
}

export interface ObjectInfo {
  readonly bucket: string;
  readonly object: string;
  /** Changes with every change of the content. */
  readonly generation: string;
  readonly bytes: number;
  /** The URI by which the warehouse reads it: `file:///…` or `gs://…`. */
  readonly uri: string;
}

/** Objects of a bucket whose names share a prefix, such as `batch-1/` or `steps/batch-1.`. */
export interface ObjectPrefix {
  readonly bucket: string;
  readonly prefix: string;
}

/** One version of an object in a list. */
export interface ObjectVersion {
  readonly bucket: string;
  readonly object: string;
  /** The version, if the bucket keeps overwritten ones. Otherwise undefined. */
  readonly version: string | undefined;
}

export interface ListOptions {
  readonly limit: number;
  /** The `next` of the previous page. */
  readonly after?: string;
}

export interface ObjectPage {
  readonly objects: readonly ObjectVersion[];
  /** The cursor of the next page, valid also after objects were removed. Undefined on the last page. */
  readonly next: string | undefined;
}

/**
 * Buckets of objects. Throws `FILE_MISSING` for an object that does not exist, and `FILE_CHANGED` for one that has
 * another generation than the requested one.
 */
export interface ObjectStore {
  stat(name: ObjectName): Promise<ObjectInfo>;
  read(name: ObjectName): Promise<Uint8Array>;
  /** Replaces an existing object. */
  write(name: ObjectName, content: Uint8Array, contentType: string): Promise<ObjectInfo>;
  /** A repeated call returns the same result. Never overwrites other content. */
  move(from: ObjectName, to: ObjectName): Promise<ObjectInfo>;
  /** A page of objects, with their overwritten versions if the bucket keeps those. */
  list(prefix: ObjectPrefix, options: ListOptions): Promise<ObjectPage>;
  /** Removes only this version. Resolves also if it does not exist any more. */
  remove(listed: ObjectVersion): Promise<void>;
}

/** The size, time and inode of a file. They change with every write. */
export interface FileStat {
  readonly inode: string;
  readonly bytes: string;
  readonly modifiedNs: string;
}

/** What the memory holds of one file. */
export interface DropRecord {
  readonly stat: FileStat;
  readonly generation: string;
  /** False between the start of the announcement and its end: after a crash it may have happened or not. */
  readonly isAnnounced: boolean;
}

/** Stores which files of the inbox were announced, so that a starting process need not read them again. */
export interface DropMemory {
  /**
   * Whether this store holds batches of a version without this memory. Then the files of the first scan may have been
   * announced already, under generations that only hash their content.
   */
  readonly hasOlderBatches: boolean;
  /** Ends the first scan. Files that are found later are new. */
  endInitialScan(): void;
  get(object: string): DropRecord | undefined;
  /** The write is applied when the call returns, and durable no later than the caller's next write. */
  put(object: string, drop: DropRecord): void;
  /** A page of the names in order, starting after the given one. */
  names(after: string, limit: number): readonly string[];
  delete(object: string): void;
}
