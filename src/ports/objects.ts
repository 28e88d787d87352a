/** Where an object is. A generation, when given, must still be the current one. */
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
  /** How the warehouse reaches it: `file:///…` or `gs://…`. */
  readonly uri: string;
}

/** Objects of a bucket whose names begin alike, such as `batch-1/` or `steps/batch-1.`. */
export interface ObjectPrefix {
  readonly bucket: string;
  readonly prefix: string;
}

/** One content of an object, as a list tells of it. */
export interface ObjectVersion {
  readonly bucket: string;
  readonly object: string;
  /** Where the bucket keeps what was overwritten: which content. Undefined: there is one. */
  readonly version: string | undefined;
}

export interface ListOptions {
  readonly limit: number;
  /** `next` of the page before. */
  readonly after?: string;
}

export interface ObjectPage {
  readonly objects: readonly ObjectVersion[];
  /** Where the next page begins. Undefined: there is none. What was removed meanwhile makes no difference. */
  readonly next: string | undefined;
}

/**
 * Buckets of objects. Throws `FILE_MISSING` for an object that is not there and `FILE_CHANGED` for one whose
 * generation is another than the one asked for.
 */
export interface ObjectStore {
  stat(name: ObjectName): Promise<ObjectInfo>;
  read(name: ObjectName): Promise<Uint8Array>;
  /** Replaces what is there. */
  write(name: ObjectName, content: Uint8Array, contentType: string): Promise<ObjectInfo>;
  /** Doing it again after it was done gives the same answer. Never overwrites other content. */
  move(from: ObjectName, to: ObjectName): Promise<ObjectInfo>;
  /** A page of what there is, overwritten contents included where the bucket keeps them. */
  list(prefix: ObjectPrefix, options: ListOptions): Promise<ObjectPage>;
  /** Removes what a list told of, and nothing else of that name. Resolves as well when it is not there any more. */
  remove(listed: ObjectVersion): Promise<void>;
}

/** How a file looked, without its content: changes with every write. */
export interface FileStat {
  readonly inode: string;
  readonly bytes: string;
  readonly modifiedNs: string;
}

/** What was made of a file of the inbox when it looked like that. */
export interface DropRecord {
  readonly stat: FileStat;
  /** The generation that it was announced with. */
  readonly generation: string;
  /** False: it was to be announced, and perhaps was. */
  readonly isAnnounced: boolean;
}

/** Remembers the files of the inbox, so that a process that starts need not read those that it knows. */
export interface DropMemory {
  /**
   * Whether batches were started here before there was this memory. Then files that are found at first may have been
   * taken, under generations that say nothing but their content.
   */
  readonly hasOlderBatches: boolean;
  /** No file is found "at first" any more. */
  endInitialScan(): void;
  get(object: string): DropRecord | undefined;
  /** Applied when it returns; durable no later than whatever the caller stores next. */
  put(object: string, drop: DropRecord): void;
  /** All names, in order, a page at a time. */
  names(after: string, limit: number): readonly string[];
  delete(object: string): void;
}
