import { expect, test } from "vitest";
import { longestAttemptSeconds, timeoutsBeyondFunction } from "../../src/core/workflow/definition.ts";
import { workflow } from "../../src/workflow/builder.ts";

test("a timeout longer than an attempt can last gives a warning, an equal one does not", () => {
  const flow = workflow("flow")
    .task("usual", () => 1)
    .task("fits", () => 1, { timeout: "8m30s" })
    .task("long", () => 1, { timeout: "8m31s" });
  expect(longestAttemptSeconds(540)).toBe(510);
  const [warning, ...others] = timeoutsBeyondFunction([flow], 540);
  expect(others).toEqual([]);
  expect(warning).toMatch(/^Task long of flow has a timeout of 8 m 31 s; .* after 8 m 30 s.*step\.poll/);
  expect(timeoutsBeyondFunction([flow], 599)).toEqual([]);
});
