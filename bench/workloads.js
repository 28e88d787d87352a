import { applyTaskDefaults, FUNCTION_TASK_TYPE } from "../dist/src/core/workflow/definition.js";

const names = (prefix, count) => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

function chain(length) {
  return names("t", length).map((id, index) => [id, index === 0 ? [] : [`t${index - 1}`]]);
}

function fan(width) {
  const middle = names("m", width);
  return [["first", []], ...middle.map((id) => [id, ["first"]]), ["last", middle]];
}

/** 1 → 4 → 4 → 1. */
function diamond() {
  const upper = names("u", 4);
  const lower = names("l", 4);
  return [
    ["first", []],
    ...upper.map((id) => [id, ["first"]]),
    ...lower.map((id) => [id, upper]),
    ["last", lower],
  ];
}

function layers(depth, width) {
  return names("layer", depth).flatMap((layer, index) =>
    names(`${layer}_`, width).map((id) => [id, index === 0 ? [] : names(`layer${index - 1}_`, width)]),
  );
}

/** Each: one workflow, given by its tasks and their parents, and how many batches of it run at once. */
export const workloads = {
  W1: { title: "chain of 200", edges: chain(200), batches: 1 },
  W2: { title: "fan 1 → 1000 → 1", edges: fan(1_000), batches: 1 },
  W3: { title: "200 × ten-task diamond", edges: diamond(), batches: 200 },
  W4: { title: "20 layers × 50, fully connected", edges: layers(20, 50), batches: 1 },
};

/** The workload as a workflow whose tasks do nothing. */
export function toWorkflow(id, { edges }) {
  const definition = {
    format: 1,
    workflowId: id,
    tasks: edges.map(([taskId, after]) => applyTaskDefaults({ id: taskId, type: FUNCTION_TASK_TYPE, after })),
  };
  const nothing = async () => null;
  return {
    id,
    definition,
    triggers: [],
    parseInput: (input) => input,
    code: new Map(edges.map(([taskId]) => [taskId, nothing])),
    keyFunctions: new Map(),
  };
}
