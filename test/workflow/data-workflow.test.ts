import { expect, test } from "vitest";
import { defaults } from "../../src/core/limits.ts";
import { schedule } from "../../src/core/workflow/trigger.ts";
import { workflow } from "../../src/workflow/builder.ts";
import { validateDataWorkflow } from "../../src/workflow/data-workflow.ts";
import { parseYaml } from "../../src/workflow/yaml-source.ts";
import { taskTypes } from "./task-types.ts";

function read(text: string) {
  return validateDataWorkflow(parseYaml(text, "flow.yaml"), taskTypes);
}

function problemsOf(text: string) {
  const result = read(text);
  return result.ok ? [] : result.problems;
}

const full = `workflow: sales-refresh
on:
  - fileDrop: sales/*.csv
    bucket: inbox
  - fileDrop: "**/*.csv"
tasks:
  - id: load
    type: load
    with: { table: sales }
    retry: { maxAttempts: 5, initial: 30s, factor: 3, max: 1h, jitter: 0.1 }
    timeout: 10m
    queue: slow
  - id: once
    type: noop
    after: [load]
    rule: all_ended
    retry: false
`;

test("reads a workflow, equal to the same one in TypeScript", () => {
  const result = read(full);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  const written = workflow("sales-refresh")
    .task(
      "load",
      { type: "load", with: { table: "sales" } },
      {
        retry: { maxAttempts: 5, initial: "30s", factor: 3, max: "1h", jitter: 0.1 },
        timeout: "10m",
        queue: "slow",
      },
    )
    .task("once", { type: "noop", with: {} }, { after: ["load"], rule: "all_ended", retry: false });
  expect(result.workflow.id).toBe("sales-refresh");
  expect(result.workflow.definition).toEqual(written.definition);
  expect(result.workflow.triggers).toEqual([
    { type: "fileDrop", pattern: "sales/*.csv", bucket: "inbox" },
    { type: "fileDrop", pattern: "**/*.csv" },
  ]);
  expect(result.workflow.parseInput({ any: [1] })).toEqual({ any: [1] });
  expect(result.workflow.code.size).toBe(0);
});

test("reads schedules, by default in UTC and skipping missed slots", () => {
  const result = read(`workflow: w
on:
  - schedule: "0 6 * * *"
  - { schedule: "@hourly", timeZone: Europe/Paris, missed: catch_up }
tasks: [{ id: a, type: noop }]
`);
  if (!result.ok) throw new Error(JSON.stringify(result.problems));
  expect(result.workflow.triggers).toEqual([
    schedule("0 6 * * *"),
    schedule("@hourly", { timeZone: "Europe/Paris", missed: "catch_up" }),
  ]);
  expect(result.workflow.triggers[0]).toEqual({
    type: "schedule",
    cron: "0 6 * * *",
    timeZone: "UTC",
    missed: "skip",
  });
});

test("a schedule that can't be is refused, naming its pattern, zone or policy", () => {
  const text = `workflow: w
on:
  - schedule: "61 * * * *"
  - { schedule: "@daily", timeZone: Europe/Pariss }
  - { schedule: "@daily", missed: sometimes }
  - { schedule: "@daily", timeZone: "+02:00" }
tasks: [{ id: a, type: noop, idempotency: { key: { date: PST } } }]
`;
  expect(problemsOf(text).map(({ code, where, message }) => [code, where, message])).toEqual([
    [
      "WORKFLOW_INVALID",
      "flow.yaml:3, on.0.schedule",
      '"61 * * * *" is not a cron pattern: minute "61": 61 is out of range; use 0-59',
    ],
    [
      "WORKFLOW_INVALID",
      "flow.yaml:4, on.1.timeZone",
      expect.stringContaining('"Europe/Pariss" is not a time zone'),
    ],
    ["WORKFLOW_INVALID", "flow.yaml:5, on.2.missed", expect.stringContaining('"skip"|"catch_up"')],
    [
      "WORKFLOW_INVALID",
      "flow.yaml:6, on.3.timeZone",
      expect.stringContaining('"+02:00" is an offset, not a time zone'),
    ],
    [
      "WORKFLOW_INVALID",
      'flow.yaml:7, task "a", idempotency.key.date',
      expect.stringContaining('"PST" is an abbreviation'),
    ],
  ]);
});

test("reads JSON, tabs and all, and fills in the defaults", () => {
  const result = read('{\n\t"workflow": "w",\n\t"tasks": [\n\t\t{ "id": "a", "type": "noop" }\n\t]\n}\n');
  expect(result).toMatchObject({
    ok: true,
    workflow: { triggers: [], definition: { tasks: [{ id: "a", with: {}, retry: defaults.retry }] } },
  });
});

test("parents may come later in the file", () => {
  const text = "workflow: w\ntasks:\n  - { id: b, type: noop, after: [a] }\n  - { id: a, type: noop }\n";
  expect(problemsOf(text)).toEqual([]);
});

test.each([
  ["{ schedul: daily }", "did you mean schedule?"],
  ["{ filedrop: sales/*.csv }", "did you mean fileDrop?"],
  ["{ cron: daily, timeZone: UTC }", "it has cron, timeZone"],
  ["{}", "it has nothing"],
])("a trigger of no known kind is reported with what was perhaps meant: %s", (trigger, hint) => {
  const text = `workflow: w\non:\n  - ${trigger}\ntasks:\n  - { id: a, type: noop }\n`;
  expect(problemsOf(text)).toMatchObject([
    { where: "flow.yaml:3, on.0", message: `a trigger has either \`fileDrop\` or \`schedule\`; ${hint}` },
  ]);
});

test("reports every problem at once, with its line", () => {
  const text = `workflow: my flow
on: [{ schedule: daily, every: day }, { fileDrop: "", at: noon }, { hook: x }]
owner: me
tasks:
  - id: a
    type: load
    with:
      table: ""
      limit: 1000
      colour: red
    timeout: 5 minutes
    retry: { initial: soon, max: 99d, maxAttempts: 0 }
  - id: a
    type: lod
    after: [ghost]
    queue: "no queue"
  - id: b
    type: function
    after: [c, c]
  - { id: c, type: noop, after: [b], rule: any }
  - nonsense
  - { type: noop, rule: any_failed }
`;
  const problems = problemsOf(text).map(({ code, where }) => `${code} ${where}`);
  expect(problems.sort()).toEqual(
    [
      "NAME_INVALID flow.yaml:1, workflow",
      "WORKFLOW_INVALID flow.yaml:2, on.0.schedule",
      "WORKFLOW_INVALID flow.yaml:2, on.0.every",
      "WORKFLOW_INVALID flow.yaml:2, on.1.fileDrop",
      "WORKFLOW_INVALID flow.yaml:2, on.1.at",
      "WORKFLOW_INVALID flow.yaml:2, on.2",
      "WORKFLOW_INVALID flow.yaml:3, owner",
      'TASK_PARAMETERS_INVALID flow.yaml:8, task "a", with.table',
      'TASK_PARAMETERS_INVALID flow.yaml:9, task "a", with.limit',
      'TASK_PARAMETERS_INVALID flow.yaml:10, task "a", with.colour',
      'DURATION_INVALID flow.yaml:11, task "a", timeout',
      'DURATION_INVALID flow.yaml:12, task "a", retry.initial',
      'DURATION_INVALID flow.yaml:12, task "a", retry.max',
      'WORKFLOW_INVALID flow.yaml:12, task "a", retry.maxAttempts',
      'TASK_ID_DUPLICATE flow.yaml:13, task "a", id',
      'TASK_TYPE_UNKNOWN flow.yaml:14, task "a", type',
      'PARENT_UNKNOWN flow.yaml:15, task "a", after.0',
      'NAME_INVALID flow.yaml:16, task "a", queue',
      'TASK_TYPE_UNKNOWN flow.yaml:18, task "b", type',
      'WORKFLOW_INVALID flow.yaml:19, task "b", after',
      'WORKFLOW_CYCLE flow.yaml:19, task "b", after',
      'WORKFLOW_INVALID flow.yaml:20, task "c", rule',
      "WORKFLOW_INVALID flow.yaml:21, tasks.4",
      "WORKFLOW_INVALID flow.yaml:22, tasks.5.id",
    ].sort(),
  );
});

test("an unknown task type is answered with the known ones", () => {
  const [problem] = problemsOf("workflow: w\ntasks: [{ id: a, type: lod }]");
  expect(problem?.message).toBe('There is no task type "lod"; the task types are load, noop');
});

test("a function is answered with what data may have instead", () => {
  const [problem] = problemsOf("workflow: w\ntasks: [{ id: a, type: function }]");
  expect(problem?.message).toBe("A workflow written as data has no functions; the task types are load, noop");
});

test("a cycle is named with its whole path", () => {
  const text = `workflow: w
tasks:
  - { id: start, type: noop }
  - { id: a, type: noop, after: [start, c] }
  - { id: b, type: noop, after: [a] }
  - { id: c, type: noop, after: [b] }
  - { id: self, type: noop, after: [self] }
`;
  expect(problemsOf(text).map(({ code, message }) => `${code} ${message}`)).toEqual([
    "WORKFLOW_CYCLE The tasks wait for each other: a → b → c → a",
    "WORKFLOW_CYCLE The tasks wait for each other: self → self",
  ]);
});
