import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { findMutants } from "./mutant-hunt.ts";
import { mutants } from "./mutants.ts";

test("there is a mutant for every rule", () => {
  expect(mutants.length).toBeGreaterThanOrEqual(25);
  expect(new Set(mutants.map(({ name }) => name)).size).toBe(mutants.length);
});

test.each(mutants)("there is one place for the mutant: $name", ({ file, find }) => {
  const source = readFileSync(new URL(`../../src/${file}`, import.meta.url), "utf8");
  expect(source.split(find)).toHaveLength(2);
});

// All of them take minutes: npm run simulate -- --mutants. These show that the hunt finds what is there to be found.
test.each([
  "acknowledge on SUCCESS without joining",
  "unfenced settle",
  "count before own commit",
  "conflict taken as lost without reading back",
  "claim without nonce",
  "callback not in the settle commit",
])("the simulation finds: %s", { timeout: 300_000 }, async (name) => {
  const [hunt] = await findMutants({ schedules: 2_000, only: name }, () => undefined);
  expect(hunt?.failure).toBeDefined();
});
