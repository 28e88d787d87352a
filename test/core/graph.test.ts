import * as fc from "fast-check";
import { expect, test } from "vitest";
import { END_TASK_ID } from "../../src/core/workflow/definition.ts";
import { buildGraph } from "../../src/core/workflow/graph.ts";
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

test("the end waits for every task for which no other child waits in every case", () => {
  fc.assert(
    fc.property(definitions, (definition) => {
      const waitsForAll = definition.tasks.filter(
        ({ after, rule }) =>
          after.length === 1 || rule === "none_failed" || rule === "all_succeeded" || rule === "all_ended",
      );
      const awaited = new Set(waitsForAll.flatMap((task) => task.after));
      const unawaited = definition.tasks.map((task) => task.id).filter((id) => !awaited.has(id));
      const own = buildGraph(definition).joins.filter((join) =>
        join.children.some((child) => child.taskId === END_TASK_ID),
      );
      expect(own.map((join) => join.parents)).toEqual([sorted(unawaited)]);
      expect(own[0]?.children).toContainEqual({ taskId: END_TASK_ID, rule: "all_ended" });
    }),
  );
});

test("joins are distinct sets of parents, each known to its parents and to no other task", () => {
  fc.assert(
    fc.property(definitions, (definition) => {
      const { joins, joinsByParent } = buildGraph(definition);
      expect(new Set(joins.map((join) => join.id)).size).toBe(joins.length);
      for (const task of definition.tasks)
        expect(joinsByParent.get(task.id)).toEqual(joins.filter((join) => join.parents.includes(task.id)));
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
