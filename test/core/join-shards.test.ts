import { expect, test } from "vitest";
import { splitIntoShards } from "../../src/core/joins.ts";

const parents = (count: number) => Array.from({ length: count }, (_, index) => `p${index}`);

test("few parents are one part", () => {
  expect(splitIntoShards(parents(1_000), 1_000)).toBeUndefined();
});

test.each([1_001, 2_000, 2_500, 10_000])(
  "%i parents: each is in one part, and no part is too large",
  (count) => {
    const shards = splitIntoShards(parents(count), 1_000);
    const counted = new Map<number, number>();
    for (const parent of parents(count)) {
      const shard = shards?.shardByParent.get(parent) ?? -1;
      counted.set(shard, (counted.get(shard) ?? 0) + 1);
    }
    expect([...counted.keys()].sort((one, other) => one - other)).toEqual([...(shards?.sizes.keys() ?? [])]);
    expect([...counted.values()]).toEqual(shards?.sizes);
    expect(Math.max(...counted.values())).toBeLessThanOrEqual(1_000);
  },
);
