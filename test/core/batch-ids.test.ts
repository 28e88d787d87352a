import { expect, test } from "vitest";
import { newBatchId } from "../../src/core/batch.ts";
import { limits } from "../../src/core/limits.ts";
import { MessageSchema } from "../../src/core/messages.ts";

const now = Date.UTC(2026, 11, 1);

test("ids of batches without a start key sort by the time of the start", () => {
  const times = [0, 5, 16, now, now + 1, now + 16, Date.UTC(2500, 0, 1)];
  // A later id does not depend on the random part: the first one has the largest of many.
  const ids = times.map((time, index) => newBatchId("flow", `id ${times.length - index}`, time));
  expect(ids.toSorted()).toEqual(ids);
  expect(newBatchId("flow", "id", now + 0.5)).toBe(newBatchId("flow", "id", now));
});

test("batches that start at the same moment have different ids", () => {
  const ids = Array.from({ length: 10_000 }, (_, index) => newBatchId("flow", `id ${index}`, now));
  expect(new Set(ids).size).toBe(ids.length);
});

test("the id of a workflow with the longest name is valid", () => {
  const id = newBatchId("w".repeat(limits.nameCharacters), "id", now);
  expect(MessageSchema.safeParse({ kind: "redrive", batchId: id }).success).toBe(true);
});
