import { applyTaskDefaults, type ChildRule, FUNCTION_TASK_TYPE } from "../../src/core/workflow/definition.ts";
import { TaskError } from "../../src/index.ts";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";

export interface RandomTask {
  readonly id: string;
  readonly after: readonly string[];
  readonly rule: ChildRule;
  readonly fails: boolean;
}

const rules = ["all_succeeded", "all_ended", "any_succeeded", "any_failed"] as const;

/** A graph of 4 to 13 tasks, of every rule, some of which fail. */
export function randomTasks(random: () => number): RandomTask[] {
  const tasks: RandomTask[] = [];
  const count = 4 + Math.floor(random() * 10);
  for (let index = 0; index < count; index++) {
    const after = tasks.filter(() => random() < 0.35).map(({ id }) => id);
    const rule = after.length === 0 ? "all_succeeded" : (rules[Math.floor(random() * 4)] ?? "all_ended");
    tasks.push({ id: `t${index}`, after, rule, fails: random() < 0.35 });
  }
  return tasks;
}

/** How every task ends, computed one after the other, without messages. */
export function oracle(tasks: readonly RandomTask[]): Record<string, string> {
  const ends: Record<string, string> = {};
  for (const task of tasks) {
    const parents = task.after.map((id) => ends[id] ?? "");
    ends[task.id] = skipOf(task.rule, parents) ?? (task.fails ? "ERROR" : "SUCCESS");
  }
  return ends;
}

function skipOf(rule: ChildRule, parents: readonly string[]): string | undefined {
  const failed = parents.some((end) => end === "ERROR" || end === "SKIPPED upstream_failed");
  const succeeded = parents.filter((end) => end === "SUCCESS").length;
  const unsuccessful = failed ? "SKIPPED upstream_failed" : "SKIPPED upstream_skipped";
  if (parents.length === 0) return undefined;
  if (rule === "all_succeeded" && succeeded < parents.length) return unsuccessful;
  if (rule === "any_succeeded" && succeeded === 0) return unsuccessful;
  return rule === "any_failed" && !failed ? "SKIPPED rule_not_met" : undefined;
}

/** The graph as a workflow whose tasks take a turn and then succeed or fail as planned. */
export function workflowOfTasks(tasks: readonly RandomTask[]): BuiltWorkflow {
  const failing = new Set(tasks.filter(({ fails }) => fails).map(({ id }) => id));
  const code = async ({ taskId }: { readonly taskId: string }) => {
    await new Promise((resolve) => setImmediate(resolve));
    if (failing.has(taskId)) throw new TaskError("as planned", { retryable: false });
    return null;
  };
  return {
    id: "graph",
    definition: {
      format: 1,
      workflowId: "graph",
      tasks: tasks.map(({ id, after, rule }) =>
        applyTaskDefaults({ id, type: FUNCTION_TASK_TYPE, after: [...after], rule }),
      ),
    },
    triggers: [],
    parseInput: (input) => input,
    code: new Map(tasks.map(({ id }) => [id, code])),
    keyFunctions: new Map(),
  };
}
