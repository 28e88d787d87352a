import { expect, test } from "vitest";
import * as z from "zod";
import { BatonError } from "../../src/core/errors/errors.ts";
import { defaults, limits } from "../../src/core/limits.ts";
import type { JsonValue } from "../../src/core/values/json.ts";
import { type Definition, DefinitionSchema, hashDefinition } from "../../src/core/workflow/definition.ts";
import { fileDrop, schedule } from "../../src/core/workflow/trigger.ts";
import type { TaskSpec } from "../../src/runtime/task-type.ts";
import { type Workflow, workflow } from "../../src/workflow/builder.ts";
import type { TaskPolicies } from "../../src/workflow/task-policies.ts";
import { isWorkflow } from "../../src/workflow/workflow.ts";

const load: TaskSpec<{ rows: number }> = { type: "loadFile", with: { table: "sales" } };
const sales = workflow("sales").task("load", load);

function errorOf(act: () => unknown): { code: string; message: string } {
  try {
    act();
  } catch (error) {
    if (error instanceof BatonError) return { code: error.code, message: error.message };
    throw error;
  }
  throw new Error("It did not throw");
}

test("compiles to a definition, with defaults filled in and durations in seconds", () => {
  const run = () => 1;
  const built = sales.task("count", run, {
    after: ["load"],
    rule: "all_ended",
    retry: { maxAttempts: 7, initial: "250ms", factor: 3, max: "1h30m", jitter: 0.5 },
    timeout: "10m",
    queue: "slow",
  });
  expect(built.definition).toEqual({
    format: 1,
    workflowId: "sales",
    tasks: [
      {
        id: "load",
        type: "loadFile",
        with: { table: "sales" },
        after: [],
        rule: "all_succeeded",
        retry: defaults.retry,
        timeoutSeconds: defaults.timeoutSeconds,
        queue: defaults.queue,
      },
      {
        id: "count",
        type: "function",
        with: {},
        after: ["load"],
        rule: "all_ended",
        retry: { maxAttempts: 7, initialSeconds: 0.25, factor: 3, maxSeconds: 5_400, jitter: 0.5 },
        timeoutSeconds: 600,
        queue: "slow",
      },
    ],
  });
  expect(DefinitionSchema.parse(built.definition)).toEqual(built.definition);
  expect([...built.code]).toEqual([["count", run]]);
});

test("retry: false is one attempt, and a partial policy keeps the other defaults", () => {
  const retryOf = (policies: TaskPolicies<never>) =>
    workflow("w").task("a", load, policies).definition.tasks[0]?.retry;
  expect(retryOf({ retry: false })).toEqual({ ...defaults.retry, maxAttempts: 1 });
  expect(retryOf({ retry: { initial: "5s" } })).toEqual({ ...defaults.retry, initialSeconds: 5 });
  expect(retryOf({ retry: {} })).toEqual(defaults.retry);
});

test("a workflow never changes: each task gives a new one", () => {
  const before = sales.definition;
  const left = sales.task("left", load, { after: ["load"] });
  const right = sales.task("right", load, { after: ["load"] });
  expect(sales.definition).toEqual(before);
  expect(left.definition.tasks.map((task) => task.id)).toEqual(["load", "left"]);
  expect(right.definition.tasks.map((task) => task.id)).toEqual(["load", "right"]);
  expect(hashDefinition(left.definition)).not.toBe(hashDefinition(right.definition));
});

test("equal lists of parents are one array, and an unknown parent is found in a list of another branch", () => {
  const shared = workflow("shared").task("a", load).task("b", load);
  const left = shared
    .task("c", load, { after: ["a", "b"] })
    .task("x", load)
    .task("d", load, { after: ["a", "b"] })
    .task("e", load, { after: ["a", "x"] });
  const [, , c, , d] = left.definition.tasks;
  expect(d?.after).toBe(c?.after);
  const unknown: readonly string[] = ["a", "x"];
  for (const other of [shared, shared.task("y", load)])
    expect(() => other.task("f", load, { after: unknown as readonly "a"[] })).toThrow('names "x"');
});

test("carries its triggers and a brand that other copies of the package know", () => {
  const built = workflow("dropped", { on: [fileDrop("sales/*.csv", { bucket: "inbox" })] }).task("a", load);
  expect(built.triggers).toEqual([{ type: "fileDrop", pattern: "sales/*.csv", bucket: "inbox" }]);
  expect(isWorkflow(built)).toBe(true);
  expect(isWorkflow({ [Symbol.for("baton.workflow")]: 2 })).toBe(true);
  expect(isWorkflow({ [Symbol.for("baton.workflow")]: 3 })).toBe(false);
  for (const other of [null, undefined, "sales", {}, () => built]) expect(isWorkflow(other)).toBe(false);
});

test.each<[string, TaskPolicies, string, string]>([
  ["a parent not declared", { after: ["lod"] }, "PARENT_UNKNOWN", '"lod"'],
  ["itself as a parent", { after: ["next"] }, "PARENT_UNKNOWN", '"next"'],
  ["a parent named twice", { after: ["load", "load"] }, "WORKFLOW_INVALID", "twice"],
  ["a rule without parents", { rule: "any_failed" }, "WORKFLOW_INVALID", "rule"],
  [
    "a bad timeout",
    { timeout: JSON.parse('"5 minutes"') },
    "DURATION_INVALID",
    '"5 minutes" is not a duration',
  ],
  ["no timeout at all", { timeout: "0s" }, "DURATION_INVALID", "timeout"],
  ["a timeout beyond the limit", { timeout: "2h" }, "DURATION_INVALID", "58 m 20 s"],
  ["a bad wait", { retry: { initial: JSON.parse('"soon"') } }, "DURATION_INVALID", "retry.initial"],
  ["a wait beyond the limit", { retry: { max: "31d" } }, "DURATION_INVALID", "retry.max"],
  [
    "a first wait that the longest would cut",
    { retry: { initial: "2h", max: "1h" } },
    "DURATION_INVALID",
    "`max`",
  ],
  ["no attempts", { retry: { maxAttempts: 0 } }, "WORKFLOW_INVALID", "retry.maxAttempts"],
  ["a bad queue", { queue: "a b" }, "NAME_INVALID", "queue"],
])("refuses %s, saying where", (_, policies, code, text) => {
  const anyParents = workflow("sales").task(String("load"), load);
  const error = errorOf(() => anyParents.task("next", load, policies));
  expect(error.code).toBe(code);
  expect(error.message).toContain(text);
  expect(error.message).toContain('workflow "sales", task "next"');
});

test("a first wait that is longer than the longest by default is not cut to it", () => {
  const built = workflow("slow")
    .task("hours", () => 1, { retry: { initial: "2h" } })
    .task("short", () => 1, { retry: { max: "30s" } });
  const retry = built.definition.tasks.map(({ retry: { initialSeconds, maxSeconds } }) => [
    initialSeconds,
    maxSeconds,
  ]);
  expect(retry).toEqual([
    [7_200, 7_200],
    [60, 30],
  ]);
});

test("refuses ids that are taken, and ids that are no names", () => {
  expect(errorOf(() => sales.task(String("load"), load)).code).toBe("TASK_ID_DUPLICATE");
  expect(errorOf(() => sales.task("$end", load)).code).toBe("NAME_INVALID");
  expect(errorOf(() => sales.task("", load)).code).toBe("NAME_INVALID");
  expect(errorOf(() => workflow("my workflow")).code).toBe("NAME_INVALID");
  expect(errorOf(() => workflow("w", { on: [fileDrop("")] })).code).toBe("WORKFLOW_INVALID");
  expect(errorOf(() => workflow("w", { on: [schedule("61 * * * *")] }))).toEqual({
    code: "WORKFLOW_INVALID",
    message: expect.stringContaining('"61 * * * *" is not a cron pattern'),
  });
  expect(errorOf(() => workflow("w", { on: [schedule("@daily", { timeZone: "Mars" })] }))).toEqual({
    code: "WORKFLOW_INVALID",
    message: expect.stringContaining('"Mars" is not a time zone'),
  });
  const byOffset = { idempotency: { key: { date: "+02:00" } } } as const;
  expect(errorOf(() => sales.task("by-offset", load, byOffset).definition)).toEqual({
    code: "WORKFLOW_INVALID",
    message: expect.stringContaining('"+02:00" is an offset, not a time zone'),
  });
  expect(errorOf(() => workflow("empty").definition).code).toBe("WORKFLOW_INVALID");
});

test("workflows that are made of the same one do not see each other's tasks", () => {
  const base = workflow("w").task("a", () => "a");
  const one = base.task("b", () => "one").task("only", () => 1, { after: ["b"] });
  const other = base.task("b", () => "other").task("c", () => 2, { after: ["a", "b"] });
  const idsOf = ({ definition }: { definition: Definition }) => definition.tasks.map(({ id }) => id);
  expect([base, one, other].map(idsOf)).toEqual([["a"], ["a", "b", "only"], ["a", "b", "c"]]);
  expect([...one.code.keys()]).toEqual(["a", "b", "only"]);
  expect(one.code.get("b")).not.toBe(other.code.get("b"));
  expect(idsOf(base.task("only", () => 3))).toEqual(["a", "only"]);
  expect(errorOf(() => other.task("d", () => 4, { after: ["only" as "a"] })).code).toBe("PARENT_UNKNOWN");
});

test("has as many tasks as the limit, and not one more", () => {
  let full: Workflow<JsonValue, Readonly<Record<string, unknown>>> = workflow("full");
  for (let n = 0; n < limits.tasksPerWorkflow; n += 1) full = full.task(`t${n}`, load);
  expect(full.definition.tasks.length).toBe(limits.tasksPerWorkflow);
  expect(errorOf(() => full.task("one-more", load)).code).toBe("WORKFLOW_INVALID");
});

test("parses its input by its schema", () => {
  const schema = z.object({ day: z.string(), limit: z.number().default(10), note: z.string().optional() });
  const { parseInput } = workflow("typed", { input: schema });
  expect(parseInput({ day: "2024-05-01", other: 1 })).toEqual({ day: "2024-05-01", limit: 10 });
  const error = errorOf(() => parseInput({ limit: "many" }));
  expect(error.code).toBe("INPUT_INVALID");
  expect(error.message).toContain("→ at day");
  expect(error.message).toContain("→ at limit");
  expect(workflow("untyped").parseInput([1, null])).toEqual([1, null]);
});

test("refuses input whose schema throws, is asynchronous or gives no JSON", () => {
  const thrown = z.string().refine(() => {
    throw new Error("no luck");
  });
  const cases: [z.ZodType, string][] = [
    [thrown, "no luck"],
    [z.string().refine(async () => true), "input schema throws"],
    [z.string().transform((day) => new Date(day)), "not JSON"],
  ];
  for (const [schema, text] of cases) {
    const error = errorOf(() => workflow("w", { input: schema }).parseInput("2024-05-01"));
    expect(error.code).toBe("INPUT_INVALID");
    expect(error.message).toContain(text);
  }
});

test("an input that a workflow of dropped files refuses says how a file starts it", () => {
  const input = z.object({ bucket: z.string(), object: z.string(), generation: z.string() });
  const on = [fileDrop("sales/*.csv"), fileDrop("old/*.csv")];
  const remedyOf = (subject: ReturnType<typeof workflow<z.infer<typeof input>>>) => {
    const built = subject.task("a", () => 1);
    try {
      built.parseInput(null);
    } catch (error) {
      return error instanceof BatonError ? error.remedy : undefined;
    }
    return undefined;
  };
  expect(remedyOf(workflow("dropped", { input, on }))).toMatch(
    /put one that matches sales\/\*\.csv or old\/\*\.csv into the inbox\. To start it by hand, /,
  );
  expect(remedyOf(workflow("by-hand", { input }))).toMatch(/^Correct the input as the message says/);
});
