import { completeTask, type Definition, FUNCTION_TASK_TYPE } from "../src/core/definition.ts";
import type { AnyTaskFunction } from "../src/runtime/task-type.ts";
import type { BuiltWorkflow } from "../src/workflow/workflow.ts";

/** A workload: one workflow, and how many batches of it run at once. */
export interface Workload {
  readonly title: string;
  readonly edges: [taskId: string, after: string[]][];
  readonly batches: number;
}

const names = (prefix: string, count: number) =>
  Array.from({ length: count }, (_, index) => `${prefix}${index}`);

function chain(length: number): Workload["edges"] {
  return names("t", length).map((id, index) => [id, index === 0 ? [] : [`t${index - 1}`]]);
}

function fan(width: number): Workload["edges"] {
  const middle = names("m", width);
  return [["first", []], ...middle.map((id): [string, string[]] => [id, ["first"]]), ["last", middle]];
}

/** 1 → 4 → 4 → 1. */
function diamond(): Workload["edges"] {
  const upper = names("u", 4);
  const lower = names("l", 4);
  return [
    ["first", []],
    ...upper.map((id): [string, string[]] => [id, ["first"]]),
    ...lower.map((id): [string, string[]] => [id, upper]),
    ["last", lower],
  ];
}

function layers(depth: number, width: number): Workload["edges"] {
  return names("layer", depth).flatMap((layer, index) =>
    names(`${layer}_`, width).map((id): [string, string[]] => [
      id,
      index === 0 ? [] : names(`layer${index - 1}_`, width),
    ]),
  );
}

export const workloads: Readonly<Record<string, Workload>> = {
  W1: { title: "chain of 200", edges: chain(200), batches: 1 },
  W2: { title: "fan 1 → 1000 → 1", edges: fan(1_000), batches: 1 },
  W3: { title: "200 × ten-task diamond", edges: diamond(), batches: 200 },
  W4: { title: "20 layers × 50, fully connected", edges: layers(20, 50), batches: 1 },
};

/** The workload as a workflow whose tasks do nothing. */
export function toWorkflow(id: string, { edges }: Workload): BuiltWorkflow {
  const definition: Definition = {
    format: 1,
    workflowId: id,
    tasks: edges.map(([taskId, after]) => completeTask({ id: taskId, type: FUNCTION_TASK_TYPE, after })),
  };
  const nothing: AnyTaskFunction = async () => null;
  return {
    id,
    definition,
    triggers: [],
    parseInput: (input) => input,
    code: new Map(edges.map(([taskId]) => [taskId, nothing])),
  };
}
