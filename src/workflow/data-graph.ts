import * as z from "zod";
import type { DataProblem } from "./problems.ts";

interface Edges {
  readonly id: string;
  readonly after: readonly string[];
}

/**
 * Cycles among tasks. Each is the ids along its edges, from parent to child, starting with the task declared first.
 * No task is in two cycles: if cycles share a task, the second one shows once the first is fixed. Unknown ids in
 * `after` are ignored.
 */
export function findCycles(tasks: readonly Edges[]): string[][] {
  const order = new Map(tasks.map((task, index) => [task.id, index]));
  const parents = new Map(tasks.map((task) => [task.id, task.after.filter((parent) => order.has(parent))]));
  const unordered = new Unordered(parents);
  const cycles: string[][] = [];
  for (const id of order.keys())
    while (unordered.has(id)) {
      const cycle = cycleAbove(id, parents, unordered);
      unordered.remove(cycle);
      cycles.push(beginWithFirst(cycle, order));
    }
  return cycles;
}

/** A readable cycle: `a → b → c → a`. */
export function formatCycle(cycle: readonly string[]): string {
  return [...cycle, ...cycle.slice(0, 1)].join(" → ");
}

/** The tasks that no topological order can place: each has a parent that can't be placed either. */
class Unordered {
  readonly #waitingFor = new Map<string, number>();
  readonly #children = new Map<string, string[]>();

  constructor(parents: ReadonlyMap<string, readonly string[]>) {
    for (const [id, above] of parents) {
      this.#waitingFor.set(id, above.length);
      for (const parent of above) this.#childrenOf(parent).push(id);
    }
    this.remove([...parents].filter(([, above]) => above.length === 0).map(([id]) => id));
  }

  has(id: string): boolean {
    return this.#waitingFor.has(id);
  }

  /** Removes tasks, and every task that waited for nothing else. */
  remove(ids: readonly string[]): void {
    const removable = [...ids];
    for (let id = removable.pop(); id !== undefined; id = removable.pop()) {
      if (!this.#waitingFor.delete(id)) continue;
      for (const child of this.#childrenOf(id)) {
        const left = this.#waitingFor.get(child);
        if (left === undefined) continue;
        this.#waitingFor.set(child, left - 1);
        if (left === 1) removable.push(child);
      }
    }
  }

  #childrenOf(id: string): string[] {
    const children = this.#children.get(id) ?? [];
    this.#children.set(id, children);
    return children;
  }
}

/** Walks from parent to parent. Among unordered tasks, this must return to a visited task. */
function cycleAbove(
  start: string,
  parents: ReadonlyMap<string, readonly string[]>,
  unordered: Unordered,
): string[] {
  const path = new Set<string>();
  let current: string | undefined = start;
  while (current !== undefined && !path.has(current)) {
    path.add(current);
    current = parents.get(current)?.find((parent) => unordered.has(parent));
  }
  const walked = [...path];
  return walked.slice(current === undefined ? 0 : walked.indexOf(current)).reverse();
}

function beginWithFirst(cycle: readonly string[], order: ReadonlyMap<string, number>): string[] {
  const positions = cycle.map((id) => order.get(id) ?? 0);
  const first = positions.indexOf(Math.min(...positions));
  return [...cycle.slice(first), ...cycle.slice(0, first)];
}

/** The part of a task that its edges need. They are checked even if other parts of the task are invalid. */
const NodeSchema = z.object({ id: z.string(), after: z.array(z.string()).catch([]).default([]) });

interface Node extends z.infer<typeof NodeSchema> {
  readonly index: number;
}

/** Problems between tasks: duplicate ids, unknown parents, cycles. */
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
