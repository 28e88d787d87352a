/**
 * The parents of a large join in parts that are counted by themselves: a count costs a read for every thousand that it
 * counts, and every ending of a parent counts. An ending counts its own part, and only when that is complete the others:
 * whoever is the last of all finds its own part complete, and all others.
 */
export interface JoinShards {
  readonly sizes: readonly number[];
  /** The part that a parent is counted in. */
  readonly of: ReadonlyMap<string, number>;
}

/** Undefined when all parents are one part. */
export function shardsOf(parents: readonly string[], parentsPerShard: number): JoinShards | undefined {
  if (parents.length <= parentsPerShard) return undefined;
  const count = Math.ceil(parents.length / parentsPerShard);
  const of = new Map(parents.map((parent, index) => [parent, index % count]));
  const sizes = Array.from({ length: count }, (_, shard) => Math.ceil((parents.length - shard) / count));
  return { sizes, of };
}
