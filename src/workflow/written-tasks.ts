import type { TaskDefinition } from "../core/definition.ts";
import type { AnyTaskFunction, KeyFunction } from "../runtime/task-type.ts";

export interface WrittenTask {
  readonly definition: TaskDefinition;
  readonly run: AnyTaskFunction | undefined;
  readonly keyOf: KeyFunction | undefined;
}

/**
 * The tasks of a workflow that is being written. One that is made of another shares its list and knows how many of it
 * are its own, so that a long chain costs one step a task. Two that are made of the same one part ways: the second
 * gets a copy.
 */
export class WrittenTasks {
  readonly #shared: WrittenTask[];
  readonly #positions: Map<string, number>;
  readonly length: number;

  static readonly none = new WrittenTasks([], new Map(), 0);

  private constructor(shared: WrittenTask[], positions: Map<string, number>, length: number) {
    this.#shared = shared;
    this.#positions = positions;
    this.length = length;
  }

  has(id: string): boolean {
    return (this.#positions.get(id) ?? this.length) < this.length;
  }

  /** The same tasks and one more, whose id is new. */
  with(task: WrittenTask): WrittenTasks {
    const isLast = this.length > 0 && this.length === this.#shared.length;
    const { shared, positions } = isLast
      ? { shared: this.#shared, positions: this.#positions }
      : this.#copy();
    shared.push(task);
    positions.set(task.definition.id, this.length);
    return new WrittenTasks(shared, positions, this.length + 1);
  }

  all(): WrittenTask[] {
    return this.#shared.slice(0, this.length);
  }

  #copy() {
    const shared = this.all();
    return { shared, positions: new Map(shared.map(({ definition }, index) => [definition.id, index])) };
  }
}
