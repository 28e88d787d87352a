import { expect, test } from "vitest";
import { withBatchId } from "../../src/cli/commands/run.ts";
import { BatonError } from "../../src/core/errors/errors.ts";

const details = { batchId: "flow-1" };

test("a start that the store did not answer may have been one: its batch is named", () => {
  expect(withBatchId(new BatonError("STORE_FAILED", "No answer in 20 s", { details }))).toMatchObject({
    code: "STORE_FAILED",
    message: "No answer in 20 s. Batch flow-1 may have been started anyway",
    remedy: expect.stringContaining("`baton show flow-1`"),
  });
});

test("a start that could not be published is one: its batch is named", () => {
  expect(withBatchId(new BatonError("BROKER_FAILED", "No answer", { details }))).toMatchObject({
    code: "BROKER_FAILED",
    message: "No answer. Batch flow-1 is started, and waits",
  });
});

test.each([
  new BatonError("STORE_FAILED", "before there was a batch"),
  new BatonError("INPUT_INVALID", "no", { details }),
  new Error("anything"),
])("what is about no batch, or no such failure, stays as it is: %s", (thrown) => {
  expect(withBatchId(thrown)).toBe(thrown);
});
