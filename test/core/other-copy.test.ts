import { expect, test } from "vitest";
import { BatonError } from "../../src/core/errors/errors.ts";

/** As a workflow file has it that imports a `baton-dag` of its own. */
class OtherCopy extends Error {
  override readonly name = "BatonError";
  readonly code: string;

  constructor(code: string) {
    super("refused");
    this.code = code;
  }
}

class Narrower extends BatonError {}

test("an error of another copy of the package is a BatonError, if its code is known", () => {
  expect(new OtherCopy("INPUT_INVALID")).toBeInstanceOf(BatonError);
  expect(new OtherCopy("NOT_OURS")).not.toBeInstanceOf(BatonError);
  expect(new Error("INPUT_INVALID")).not.toBeInstanceOf(BatonError);
  expect(Object.assign(new Error("x"), { code: "INPUT_INVALID" })).not.toBeInstanceOf(BatonError);
});

test("a class below it recognises its own errors only", () => {
  expect(new Narrower("INPUT_INVALID", "refused")).toBeInstanceOf(BatonError);
  expect(new Narrower("INPUT_INVALID", "refused")).toBeInstanceOf(Narrower);
  expect(new OtherCopy("INPUT_INVALID")).not.toBeInstanceOf(Narrower);
  expect(new BatonError("INPUT_INVALID", "refused")).not.toBeInstanceOf(Narrower);
});
