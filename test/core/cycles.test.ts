import * as fc from "fast-check";
import { expect, test } from "vitest";
import { findCycles, formatCycle } from "../../src/workflow/problems/graph-problems.ts";
import { definitions } from "./random-graph.ts";

const task = (id: string, ...after: string[]) => ({ id, after });

const anyGraphs = fc
  .integer({ min: 1, max: 8 })
  .chain((size) =>
    fc
      .array(fc.uniqueArray(fc.nat(size - 1), { maxLength: 3 }), { minLength: size, maxLength: size })
      .map((all) => all.map((parents, index) => task(`t${index}`, ...parents.map((parent) => `t${parent}`)))),
  );

test("an acyclic graph has none", () => {
  fc.assert(
    fc.property(definitions, ({ tasks }) => {
      expect(findCycles(tasks)).toEqual([]);
    }),
  );
});

test("each cycle goes from parent to child and back to its beginning, and no two share a task", () => {
  fc.assert(
    fc.property(anyGraphs, (tasks) => {
      const cycles = findCycles(tasks);
      const after = new Map(tasks.map(({ id, after }) => [id, after]));
      for (const cycle of cycles)
        for (const [index, id] of cycle.entries()) expect(after.get(id)).toContain(cycle.at(index - 1));
      expect(new Set(cycles.flat()).size).toBe(cycles.flat().length);
    }),
  );
});

test("without one task of every cycle found, nothing is missed for good", () => {
  fc.assert(
    fc.property(anyGraphs, (tasks) => {
      let left = tasks;
      for (let cycles = findCycles(left); cycles.length > 0; cycles = findCycles(left)) {
        const broken = new Set(cycles.map(([first]) => first));
        left = left.filter(({ id }) => !broken.has(id));
      }
      expect(orderable(left)).toBe(true);
    }),
  );
});

/** Takes out tasks without parents until none is left: the definition of acyclic, slowly. */
function orderable(tasks: readonly { id: string; after: readonly string[] }[]): boolean {
  let left = [...tasks];
  for (;;) {
    const next = left.filter(({ after }) => after.some((parent) => left.some(({ id }) => id === parent)));
    if (next.length === left.length) return left.length === 0;
    left = next;
  }
}

test("names the whole path, beginning with the task declared first", () => {
  const cycles = findCycles([
    task("start"),
    task("b", "a"),
    task("a", "c", "start"),
    task("c", "b"),
    task("below", "c"),
    task("self", "self"),
    task("astray", "missing"),
  ]);
  expect(cycles.map(formatCycle)).toEqual(["b → c → a → b", "self → self"]);
});

test("two cycles that share a task: one now, the other once that is fixed", () => {
  const both = [task("a", "b", "c"), task("b", "a"), task("c", "a")];
  expect(findCycles(both)).toEqual([["a", "b"]]);
  expect(findCycles([task("a", "c"), task("b", "a"), task("c", "a")])).toEqual([["a", "c"]]);
});

test("a cycle as long as the largest workflow does not overflow the stack", () => {
  const size = 10_000;
  const ring = Array.from({ length: size }, (_, index) => task(`t${index}`, `t${(index + size - 1) % size}`));
  expect(findCycles(ring)).toEqual([ring.map(({ id }) => id)]);
});
