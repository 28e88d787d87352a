import * as fc from "fast-check";
import { expect, test } from "vitest";
import { hashJson } from "../../src/core/values/json.ts";
import {
  applyTaskDefaults,
  type Definition,
  definitionTextInSlices,
  hashDefinition,
  hashInSlices,
  inOneGo,
  parseDefinitionInSlices,
} from "../../src/core/workflow/definition.ts";
import { buildGraphInSlices } from "../../src/core/workflow/graph.ts";
import { definitions } from "./random-graph.ts";

/** Every task has a list of its own, and so a join of its own. */
const chain = (length: number) => layers(length, 1);

/** Layers of tasks, each a child of the whole layer above. Every task has a list of its own. */
function layers(depth: number, width: number): Definition {
  const layer = (level: number) => Array.from({ length: width }, (_, index) => `l${level}-${index}`);
  return {
    format: 1,
    workflowId: "layers",
    tasks: Array.from({ length: depth }, (_, level) =>
      layer(level).map((id) =>
        applyTaskDefaults({ id, type: "function", after: level === 0 ? [] : layer(level - 1) }),
      ),
    ).flat(),
  };
}

test("the hash is that of the definition's canonical JSON, with all parents of each task", () => {
  const hashOfText = (definition: Definition) => hashJson(JSON.parse(JSON.stringify(definition)));
  fc.assert(
    fc.property(definitions, (definition) => {
      expect(hashDefinition(definition)).toBe(hashOfText(definition));
    }),
  );
  expect(hashDefinition(layers(3, 20))).toBe(hashOfText(layers(3, 20)));
  const withPolicies: Definition = {
    format: 1,
    workflowId: "policies",
    tasks: [
      applyTaskDefaults({
        id: "a",
        type: "http",
        with: { url: "https://example.com/ü", body: { z: 1, a: [null, 1.5e300] } },
        callback: { url: "https://example.com" },
      }),
    ],
  };
  expect(hashDefinition(withPolicies)).toBe(hashOfText(withPolicies));
});

const definitionText = (definition: Definition) => inOneGo(definitionTextInSlices(definition));

test("stored records are read back equal, those of older versions too", () => {
  fc.assert(
    fc.property(definitions, (definition) => {
      expect(inOneGo(parseDefinitionInSlices(JSON.parse(definitionText(definition))))).toEqual(definition);
      expect(inOneGo(parseDefinitionInSlices(JSON.parse(JSON.stringify(definition))))).toEqual(definition);
    }),
  );
});

test("equal lists of parents are stored once, and are one array when they are read", () => {
  const wide = layers(3, 50);
  expect(definitionText(wide).split('"l0-49"')).toHaveLength(3);
  for (const stored of [definitionText(wide), JSON.stringify(wide)]) {
    const { tasks } = inOneGo(parseDefinitionInSlices(JSON.parse(stored)));
    expect(new Set(tasks.map(({ after }) => after)).size).toBe(3);
  }
});

test("a stored definition that names no list, or an invalid parent, is refused", () => {
  const stored = JSON.parse(definitionText(layers(2, 2)));
  const parse = (changes: object) => inOneGo(parseDefinitionInSlices({ ...stored, ...changes }));
  expect(() => parse({ parentLists: [[]] })).toThrow("has no list 1");
  expect(() => parse({ parentLists: [[], ["not a name"]] })).toThrow();
});

test("the text that is stored does not depend on its slices", () => {
  for (const definition of [layers(1, 1), layers(4, 250), chain(250)]) {
    const lists = [...new Set(definition.tasks.map(({ after }) => JSON.stringify(after)))];
    const { tasks, ...others } = definition;
    const numbered = tasks.map((task) => ({ ...task, after: lists.indexOf(JSON.stringify(task.after)) }));
    const parentLists = lists.map((list) => JSON.parse(list));
    expect(definitionText(definition)).toBe(JSON.stringify({ ...others, parentLists, tasks: numbered }));
  }
});

test("long work is parted: all that is done with thousands of tasks", () => {
  const wide = layers(4, 250);
  const slicesOf = (work: Generator<undefined, unknown>) => {
    let slices = 1;
    while (!work.next().done) slices += 1;
    return slices;
  };
  expect(slicesOf(hashInSlices(wide))).toBeGreaterThanOrEqual(10);
  expect(slicesOf(parseDefinitionInSlices(JSON.parse(definitionText(wide))))).toBeGreaterThanOrEqual(10);
  expect(slicesOf(definitionTextInSlices(wide))).toBeGreaterThanOrEqual(10);
  expect(slicesOf(buildGraphInSlices(wide, "hash"))).toBeGreaterThanOrEqual(10);
  // Each task has other parents: the lists, and the joins, are parted too.
  expect(slicesOf(definitionTextInSlices(chain(1_000)))).toBeGreaterThanOrEqual(20);
  expect(slicesOf(buildGraphInSlices(chain(1_000), "hash"))).toBeGreaterThanOrEqual(20);
});
