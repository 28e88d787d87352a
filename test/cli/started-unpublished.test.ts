import { expect, test } from "vitest";
import { withBatchId } from "../../src/cli/commands/run.ts";
import { BatonError } from "../../src/core/errors/errors.ts";

const details = { batchId: "flow-1" };

test("a start whose reply from the store is lost may exist: the error names its batch", () => {
  expect(withBatchId(new BatonError("STORE_FAILED", "No answer in 20 s", { details }))).toMatchObject({
    code: "STORE_FAILED",
    message: "No answer in 20 s. Batch flow-1 may have been started anyway",
    remedy: expect.stringContaining("`baton show flow-1`"),
  });
});

test("a start that was stored but not published: the error names its batch", () => {
  expect(withBatchId(new BatonError("BROKER_FAILED", "No answer", { details }))).toMatchObject({
    code: "BROKER_FAILED",
    message: "No answer. Batch flow-1 was started, but its tasks were not published",
  });
});

test.each([
  new BatonError("STORE_FAILED", "before there was a batch"),
  new BatonError("INPUT_INVALID", "no", { details }),
  new Error("anything"),
])("an error without a batch, or of another kind, is unchanged: %s", (thrown) => {
  expect(withBatchId(thrown)).toBe(thrown);
});
