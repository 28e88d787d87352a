import { expect, test } from "vitest";
import { type ComparedWorkflow, describeChanges } from "../../src/core/workflow/changes.ts";
import { applyTaskDefaults } from "../../src/core/workflow/definition.ts";
import { fileDrop, schedule, type Trigger } from "../../src/core/workflow/trigger.ts";

type Task = Parameters<typeof applyTaskDefaults>[0];

function sales(
  tasks: readonly Task[],
  triggers: readonly Trigger[] = [],
  code: Readonly<Record<string, string>> = {},
): Map<string, ComparedWorkflow> {
  const definition = { format: 1, workflowId: "sales", tasks: tasks.map(applyTaskDefaults) } as const;
  return new Map([["sales", { definition, triggers, code: new Map(Object.entries(code)) }]]);
}

const load: Task = { id: "load", type: "http", with: { url: "https://a.example", headers: {} } };

function texts(before: ReadonlyMap<string, ComparedWorkflow>, after: ReadonlyMap<string, ComparedWorkflow>) {
  return describeChanges(before, after).map(({ text }) => text);
}

test.each<readonly [string, Task, string]>([
  ["a timeout", { ...load, timeoutSeconds: 600 }, "timeout 5m → 10m"],
  ["a retry", { ...load, retry: { initialSeconds: 90.25 } }, "retry.initial 1m → 1m30s250ms"],
  [
    "two policies",
    { ...load, queue: "slow", rule: "all_ended" },
    "rule all_succeeded → all_ended, queue default → slow",
  ],
  [
    "a parameter",
    { ...load, with: { url: "https://b.example", headers: {} } },
    "with.url https://a.example → https://b.example",
  ],
  ["a new parameter", { ...load, with: { ...load.with, method: "POST" } }, "with.method not set → POST"],
  ["a long value", { ...load, with: { url: `https://${"a".repeat(80)}.example` } }, "with.url differs"],
  ["a value that may be a secret", { ...load, with: { ...load.with, headers: { authorization: "x" } } }, ""],
  ["parents", { ...load, after: ["a", "b"] }, "after none → a, b"],
  ["many parents", { ...load, after: Array.from({ length: 11 }, (_, n) => `t${n}`) }, "after differs"],
])("one line says how a task changed: %s", (_, changed, expected) => {
  const lines = texts(sales([load]), sales([changed]));
  expect(lines).toHaveLength(1);
  expect(lines[0]).toMatch(/^sales: task `load` changed, /);
  expect(lines[0]).toContain(expected);
  expect(lines[0]).not.toContain("→ x");
});

test("equal workflows have no line, also if their lists and parameters are other objects", () => {
  const task = () => ({ ...load, after: ["a"], with: { list: [{ a: 1 }] } });
  expect(texts(sales([task()]), sales([task()]))).toEqual([]);
});

test("new and removed workflows, tasks and triggers, and code", () => {
  const before = sales([load, { id: "old", type: "function" }], [fileDrop("sales/*.csv")], {
    load: "() => 1",
  });
  const after = sales(
    [load, { id: "new", type: "function" }],
    [schedule("0 6 * * *", { timeZone: "UTC", missed: "catch_up" })],
    { load: "() => 2" },
  );
  expect(texts(before, after)).toEqual([
    'sales: new trigger: schedule "0 6 * * *" UTC, missed slots are caught up',
    "sales: trigger removed: file drop sales/*.csv",
    "sales: task `load` changed, code",
    "sales: new task `new`",
    "sales: task `old` removed",
  ]);
  expect(texts(new Map(), after)).toEqual(["new workflow sales"]);
  expect(texts(before, new Map())).toEqual(["workflow sales removed"]);
});

test("a change of many tasks is cut", () => {
  const many = (timeoutSeconds: number) =>
    sales(Array.from({ length: 1_000 }, (_, n) => ({ id: `t${n}`, type: "function", timeoutSeconds })));
  const lines = texts(many(1), many(2));
  expect(lines).toHaveLength(21);
  expect(lines.at(-1)).toBe("sales: and 980 more changes");
});
