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
}
