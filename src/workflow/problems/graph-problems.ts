import * as z from "zod";
import { ParentLists } from "../../core/workflow/definition.ts";
import { type DataProblem, NamesSchema } from "./problems.ts";

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
  const lists = new ParentLists();
  for (const { after } of tasks) lists.add(after);
  const known = lists.all.map((list) => list.filter((parent) => order.has(parent)));
  const parents = new Map(tasks.map(({ id, after }) => [id, known[lists.add(after)] ?? []]));
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

/**
 * The tasks that no topological order can place: each has a parent that can't be placed either. Tasks with the same
 * list of parents wait together.
 */
class Unordered {
  readonly #left: Set<string>;
  /** The parents of each list that are left. A list may name a parent twice. */
  readonly #waitingFor = new Map<readonly string[], number>();
  readonly #waiting = new Map<readonly string[], string[]>();
  readonly #listsByParent = new Map<string, (readonly string[])[]>();

  constructor(parents: ReadonlyMap<string, readonly string[]>) {
    this.#left = new Set(parents.keys());
    for (const [id, list] of parents) {
      if (!this.#waiting.has(list)) this.#await(list);
      this.#waiting.get(list)?.push(id);
    }
    this.remove([...parents].filter(([, list]) => list.length === 0).map(([id]) => id));
  }

  has(id: string): boolean {
    return this.#left.has(id);
  }

  /** Removes tasks, and every task that waited for nothing else. */
  remove(ids: readonly string[]): void {
    const removable = [...ids];
    for (let id = removable.pop(); id !== undefined; id = removable.pop()) {
      if (!this.#left.delete(id)) continue;
      for (const list of this.#listsByParent.get(id) ?? []) {
        const left = (this.#waitingFor.get(list) ?? 0) - 1;
        this.#waitingFor.set(list, left);
        if (left === 0) for (const waiting of this.#waiting.get(list) ?? []) removable.push(waiting);
      }
    }
  }

  #await(list: readonly string[]): void {
    this.#waiting.set(list, []);
    this.#waitingFor.set(list, list.length);
    for (const parent of list) {
      const lists = this.#listsByParent.get(parent);
      if (lists) lists.push(list);
      else this.#listsByParent.set(parent, [list]);
    }
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
const NodeSchema = z.object({ id: z.string(), after: NamesSchema.catch([]).default([]) });

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
  const lists = new ParentLists();
  for (const { after } of nodes) lists.add(after);
  const unknown = lists.all.map((list) => unknownNames(list, first));
  return [
    ...nodes.filter((node) => first.get(node.id) !== node).map(duplicate),
    ...nodes.flatMap((node) => (unknown[lists.add(node.after)] ?? []).map(unknownParent(node))),
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

interface NameAt {
  readonly name: string;
  readonly position: number;
}

function unknownNames(list: readonly string[], known: ReadonlyMap<string, Node>): NameAt[] {
  return list.flatMap((name, position) => (known.has(name) ? [] : [{ name, position }]));
}

function unknownParent(node: Node): (unknown: NameAt) => DataProblem {
  return ({ name, position }) => ({
    code: "PARENT_UNKNOWN",
    message: `There is no task "${name}"`,
    path: ["tasks", node.index, "after", position],
  });
}

function cycleProblem(cycle: readonly string[], nodes: ReadonlyMap<string, Node>): DataProblem {
  const index = nodes.get(cycle[0] ?? "")?.index ?? 0;
  return {
    code: "WORKFLOW_CYCLE",
    message: `The tasks wait for each other: ${formatCycle(cycle)}`,
    path: ["tasks", index, "after"],
  };
}
