import * as z from "zod";
import { findCycles, formatCycle } from "../core/cycles.ts";
import type { DataProblem } from "./problems.ts";

/** As much of a task as its edges need: they are checked even when something else about the task is wrong. */
const NodeSchema = z.object({ id: z.string(), after: z.array(z.string()).catch([]).default([]) });

interface Node extends z.infer<typeof NodeSchema> {
  readonly index: number;
}

/** What is wrong with the tasks together: ids used twice, parents that don't exist, cycles. */
export function graphProblems(writtenTasks: readonly unknown[]): DataProblem[] {
  const nodes = writtenTasks.flatMap((task, index): Node[] => {
    const parsed = NodeSchema.safeParse(task);
    return parsed.success ? [{ ...parsed.data, index }] : [];
  });
  const first = new Map<string, Node>();
  for (const node of nodes) if (!first.has(node.id)) first.set(node.id, node);
  return [
    ...nodes.filter((node) => first.get(node.id) !== node).map(duplicate),
    ...nodes.flatMap((node) => unknownParents(node, first)),
    ...findCycles([...first.values()]).map((cycle) => cycleProblem(cycle, first)),
  ];
}

function duplicate(node: Node): DataProblem {
  return {
    code: "TASK_ID_DUPLICATE",
    message: `A task "${node.id}" exists already`,
    path: ["tasks", node.index, "id"],
  };
}

function unknownParents(node: Node, known: ReadonlyMap<string, Node>): DataProblem[] {
  return node.after.flatMap((parent, position) =>
    known.has(parent)
      ? []
      : [
          {
            code: "PARENT_UNKNOWN",
            message: `There is no task "${parent}"`,
            path: ["tasks", node.index, "after", position],
          },
        ],
  );
}

function cycleProblem(cycle: readonly string[], nodes: ReadonlyMap<string, Node>): DataProblem {
  const index = nodes.get(cycle[0] ?? "")?.index ?? 0;
  return {
    code: "WORKFLOW_CYCLE",
    message: `The tasks wait for each other: ${formatCycle(cycle)}`,
    path: ["tasks", index, "after"],
  };
}
