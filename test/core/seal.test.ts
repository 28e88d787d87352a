import { expect, test } from "vitest";
import { computeSeal, isSealed } from "../../src/core/messages.ts";

const data = Buffer.from('{"kind":"sweep"}');
const key = (secret: string, deployment = "p/baton") => ({ secret, deployment });

test("while secrets are exchanged, messages of the old one are believed", () => {
  const keys = [key("new"), key("old")];
  expect(isSealed(keys, data, computeSeal(key("old"), data))).toBe(true);
  expect(isSealed(keys, data, computeSeal(key("new"), data))).toBe(true);
  expect(isSealed(keys, data, computeSeal(key("older"), data))).toBe(false);
});

test("a seal is of its data, its secret and its deployment", () => {
  const seal = computeSeal(key("s"), data);
  expect(isSealed([key("s")], Buffer.from('{"kind":"tick"}'), seal)).toBe(false);
  expect(isSealed([key("s", "p/staging")], data, seal)).toBe(false);
  expect(isSealed([], data, seal)).toBe(false);
  for (const other of ["", seal.slice(0, -1), `${seal}A`, "ä"])
    expect(isSealed([key("s")], data, other)).toBe(false);
});
