/** How a file looked, without its content: changes with every write. */
export interface FileLook {
  readonly inode: string;
  readonly bytes: string;
  readonly modifiedNs: string;
}

/** What was made of a file of the inbox when it looked like that. */
export interface RememberedDrop {
  readonly look: FileLook;
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
  readonly isOfOlderBatches: boolean;
  /** No file is found "at first" any more. */
  endFirstLook(): void;
  get(object: string): RememberedDrop | undefined;
  /** Applied when it returns; durable no later than whatever the caller stores next. */
  put(object: string, drop: RememberedDrop): void;
  /** All names, in order, a page at a time. */
  names(after: string, limit: number): readonly string[];
  delete(object: string): void;
}
