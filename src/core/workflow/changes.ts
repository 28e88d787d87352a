import { durationText } from "../values/duration.ts";
import { isSecretName } from "../values/secrets.ts";
import type { Definition, TaskDefinition } from "./definition.ts";
import type { Trigger } from "./trigger.ts";

/** A workflow, with the text of the code of its tasks. */
export interface ComparedWorkflow {
  readonly definition: Definition;
  readonly triggers: readonly Trigger[];
  readonly code: ReadonlyMap<string, string>;
}

type Workflows = ReadonlyMap<string, ComparedWorkflow>;

export interface WorkflowChange {
  readonly workflowId: string;
  /** One line for people. */
  readonly text: string;
}

/** A workflow of thousands of tasks may change in all of them at once. */
const mostLines = 20;
/** Longer values are not shown: the name of what changed is enough. */
const longestValue = 60;
const mostNames = 10;

/** What differs between the workflows of two moments: one line for each task and each trigger. */
export function describeChanges(before: Workflows, after: Workflows): WorkflowChange[] {
  const changes: WorkflowChange[] = [];
  for (const [workflowId, workflow] of after) {
    const former = before.get(workflowId);
    const lines = former ? shortened(workflowLines(former, workflow)) : undefined;
    if (!lines) changes.push({ workflowId, text: `new workflow ${workflowId}` });
    for (const line of lines ?? []) changes.push({ workflowId, text: `${workflowId}: ${line}` });
  }
  for (const workflowId of before.keys())
    if (!after.has(workflowId)) changes.push({ workflowId, text: `workflow ${workflowId} removed` });
  return changes;
}

function shortened(lines: readonly string[]): string[] {
  const more = lines.length - mostLines;
  return more > 0 ? [...lines.slice(0, mostLines), `and ${more} more changes`] : [...lines];
}

function workflowLines(before: ComparedWorkflow, after: ComparedWorkflow): string[] {
  const former = new Map(before.definition.tasks.map((task) => [task.id, task]));
  const left = new Set(former.keys());
  const lines = [...triggerLines(before.triggers, after.triggers)];
  for (const task of after.definition.tasks) {
    left.delete(task.id);
    const other = former.get(task.id);
    if (!other) lines.push(`new task \`${task.id}\``);
    else {
      const changes = taskChanges(other, task);
      if (before.code.get(task.id) !== after.code.get(task.id)) changes.push("code");
      if (changes.length > 0) lines.push(`task \`${task.id}\` changed, ${changes.join(", ")}`);
    }
  }
  lines.push(...[...left].map((taskId) => `task \`${taskId}\` removed`));
  return lines;
}

function triggerLines(before: readonly Trigger[], after: readonly Trigger[]): string[] {
  const former = before.map(triggerText);
  const now = after.map(triggerText);
  return [
    ...now.filter((text) => !former.includes(text)).map((text) => `new trigger: ${text}`),
    ...former.filter((text) => !now.includes(text)).map((text) => `trigger removed: ${text}`),
  ];
}

function triggerText(trigger: Trigger): string {
  if (trigger.type === "fileDrop")
    return `file drop ${trigger.bucket === undefined ? "" : `${trigger.bucket}/`}${trigger.pattern}`;
  const catchesUp = trigger.missed === "catch_up" ? ", missed slots are caught up" : "";
  return `schedule "${trigger.cron}" ${trigger.timeZone}${catchesUp}`;
}

function taskChanges(before: TaskDefinition, after: TaskDefinition): string[] {
  const former = leavesOf(before, "");
  const now = leavesOf(after, "");
  const names = new Set([...now.keys(), ...former.keys()]);
  return [...names].flatMap((name) => {
    const [was, is] = [former.get(name), now.get(name)];
    return isSame(was, is) ? [] : [changeText(name, was, is)];
  });
}

/** The values of an object, by their path. A list is one value. */
function leavesOf(value: object, path: string): Map<string, unknown> {
  const leaves = new Map<string, unknown>();
  for (const [name, item] of Object.entries(value)) {
    const here = path === "" ? name : `${path}.${name}`;
    if (typeof item === "object" && item !== null && !Array.isArray(item))
      for (const [below, leaf] of leavesOf(item, here)) leaves.set(below, leaf);
    else leaves.set(here, item);
  }
  return leaves;
}

function isSame(one: unknown, other: unknown): boolean {
  if (!Array.isArray(one) || !Array.isArray(other)) return one === other;
  return (
    one.length === other.length &&
    one.every((item, index) => item === other[index] || JSON.stringify(item) === JSON.stringify(other[index]))
  );
}

function changeText(path: string, before: unknown, after: unknown): string {
  const name = path.replace(/Seconds$/, "");
  const [was, is] = [leafText(path, before), leafText(path, after)];
  if (was === undefined || is === undefined) return `${name} differs`;
  return `${name} ${was} → ${is}`;
}

/** Undefined for a value that is too long to be shown, or may be a secret. */
function leafText(path: string, value: unknown): string | undefined {
  if (value === undefined) return "not set";
  if (path.endsWith("Seconds") && typeof value === "number") return durationText(value);
  if (path.split(".").some(isSecretName)) return undefined;
  if (Array.isArray(value) && value.length === 0) return "none";
  if (Array.isArray(value) && value.length > mostNames) return undefined;
  const isNames = Array.isArray(value) && value.every((item) => typeof item === "string");
  const text = isNames ? value.join(", ") : typeof value === "string" ? value : JSON.stringify(value);
  return text.length > longestValue || text.includes("\n") ? undefined : text;
}
