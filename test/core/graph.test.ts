import * as fc from "fast-check";
import { expect, test } from "vitest";
import { completeTask, type Definition } from "../../src/core/definition.ts";
import { buildGraph } from "../../src/core/graph.ts";
import { END_TASK_ID } from "../../src/core/names.ts";
import { definitions } from "./random-graph.ts";

const sorted = (ids: Iterable<string>) => [...ids].sort();

test("every child is in exactly one join, and its parents are the child's `after`", () => {
  fc.assert(
    fc.property(definitions, (definition) => {
      const { joins } = buildGraph(definition);
      for (const task of definition.tasks) {
        const own = joins.filter((join) => join.children.some((child) => child.taskId === task.id));
        expect(own.map((join) => join.parents)).toEqual(task.after.length > 0 ? [sorted(task.after)] : []);
        for (const join of own) expect(join.children).toContainEqual({ taskId: task.id, rule: task.rule });
      }
    }),
  );
});

test("the end is a child of all leaves, once they have all ended", () => {
  fc.assert(
    fc.property(definitions, (definition) => {
      const parents = new Set(definition.tasks.flatMap((task) => task.after));
      const leaves = definition.tasks.map((task) => task.id).filter((id) => !parents.has(id));
      const own = buildGraph(definition).joins.filter((join) =>
        join.children.some((child) => child.taskId === END_TASK_ID),
      );
      expect(own.map((join) => join.parents)).toEqual([sorted(leaves)]);
      expect(own[0]?.children).toContainEqual({ taskId: END_TASK_ID, rule: "all_ended" });
    }),
  );
});

test("joins are distinct sets of parents, each known to its parents and to nobody else", () => {
  fc.assert(
    fc.property(definitions, (definition) => {
      const { joins, joinsOf } = buildGraph(definition);
      expect(new Set(joins.map((join) => join.id)).size).toBe(joins.length);
      for (const task of definition.tasks)
        expect(joinsOf.get(task.id)).toEqual(joins.filter((join) => join.parents.includes(task.id)));
      for (const join of joins)
        expect(sorted(join.rules)).toEqual(sorted(new Set(join.children.map((child) => child.rule))));
    }),
  );
});

test("the roots are the tasks without parents", () => {
  fc.assert(
    fc.property(definitions, (definition) => {
      const { roots, tasks, hash } = buildGraph(definition);
      expect(roots).toEqual(definition.tasks.filter((task) => task.after.length === 0).map(({ id }) => id));
      expect([...tasks.values()]).toEqual(definition.tasks);
      expect(hash).toMatch(/^[0-9a-f]{64}$/);
    }),
  );
});

function skippableOf(...tasks: Parameters<typeof completeTask>[0][]): readonly string[] {
  const definition: Definition = { format: 1, workflowId: "w", tasks: tasks.map(completeTask) };
  return buildGraph(definition)
    .joins.filter((join) => join.skippable)
    .flatMap((join) => join.children.map((child) => child.taskId));
}

test("a join is skippable below a task that may be skipped although nothing failed", () => {
  const task = (id: string, after: string[], rule?: "any_failed" | "any_succeeded" | "all_ended") => ({
    id,
    type: "function",
    after,
    rule,
  });
  expect(skippableOf(task("a", []), task("b", ["a"]), task("c", ["b"]))).toEqual([]);
  expect(skippableOf(task("a", []), task("b", ["a"], "any_failed"), task("c", ["b"]))).toEqual([
    "c",
    END_TASK_ID,
  ]);
  expect(
    skippableOf(
      task("a", []),
      task("b", ["a"], "any_failed"),
      task("c", ["b"], "all_ended"),
      task("d", ["c"]),
    ),
  ).toEqual(["c"]);
});

test("a join is skippable below such a task wherever that stands in the file", () => {
  const before = skippableOf(
    { id: "a", type: "function" },
    { id: "b", type: "function", after: ["a"], rule: "any_failed" },
    { id: "c", type: "function", after: ["b"] },
    { id: "d", type: "function", after: ["c"] },
  );
  const after = skippableOf(
    { id: "d", type: "function", after: ["c"] },
    { id: "c", type: "function", after: ["b"] },
    { id: "b", type: "function", after: ["a"], rule: "any_failed" },
    { id: "a", type: "function" },
  );
  expect(sorted(after)).toEqual(sorted(before));
});
