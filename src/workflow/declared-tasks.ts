import { ParentLists, type TaskDefinition } from "../core/workflow/definition.ts";
import type { AnyTaskFunction, ConditionFunction, KeyFunction, TaskType } from "../runtime/task-type.ts";

/** A task as it is written in a workflow file: its definition, and its code. */
export interface DeclaredTask {
  readonly definition: TaskDefinition;
  readonly run: AnyTaskFunction | undefined;
  readonly keyOf: KeyFunction | undefined;
  readonly condition: ConditionFunction | undefined;
  readonly taskType: TaskType | undefined;
}

/**
 * The tasks of a workflow under construction. A value made from another shares its list and knows its own length, so
 * that each task of a long chain costs the same. If two values are made from one, the second copies the list.
 */
export class DeclaredTasks {
  readonly #shared: DeclaredTask[];
  readonly #positions: Map<string, number>;
  readonly #parents: ParentLists;
  readonly length: number;

  static readonly none = new DeclaredTasks([], new Map(), new ParentLists(), 0);

  private constructor(
    shared: DeclaredTask[],
    positions: Map<string, number>,
    parents: ParentLists,
    length: number,
  ) {
    this.#shared = shared;
    this.#positions = positions;
    this.#parents = parents;
    this.length = length;
  }

  has(id: string): boolean {
    return (this.#positions.get(id) ?? this.length) < this.length;
  }

  /** The list of an earlier task with equal parents, which has been checked. */
  knownParents(after: unknown): readonly string[] | undefined {
    if (!this.#isLast || !Array.isArray(after)) return undefined;
    const number = this.#parents.find(after);
    return number === undefined ? undefined : this.#parents.all[number];
  }

  /** The same tasks and one more, whose id is new. */
  with(task: DeclaredTask): DeclaredTasks {
    const { shared, positions, parents } = this.#isLast
      ? { shared: this.#shared, positions: this.#positions, parents: this.#parents }
      : this.#copy();
    shared.push(task);
    positions.set(task.definition.id, this.length);
    parents.add(task.definition.after);
    return new DeclaredTasks(shared, positions, parents, this.length + 1);
  }

  /** No other value has added a task to the shared list. */
  get #isLast(): boolean {
    return this.length > 0 && this.length === this.#shared.length;
  }

  all(): DeclaredTask[] {
    return this.#shared.slice(0, this.length);
  }

  /** What `find` gives for the tasks that have it, by task. */
  byId<Value>(find: (task: DeclaredTask) => Value | undefined): ReadonlyMap<string, Value> {
    const values = new Map<string, Value>();
    for (const task of this.all()) {
      const value = find(task);
      if (value !== undefined) values.set(task.definition.id, value);
    }
    return values;
  }

  #copy() {
    const shared = this.all();
    const positions = new Map(shared.map(({ definition }, index) => [definition.id, index]));
    return { shared, positions, parents: new ParentLists() };
  }
}
