import type { Dependencies } from "../../src/engine/dependencies.ts";
import { workflow } from "../../src/index.ts";
import type { TaskContext } from "../../src/runtime/task-type.ts";

export const soon = { retry: { initial: "10ms" } };

/** A workflow of one task. */
export const flowOf = (work: (context: TaskContext) => unknown, policies = {}) =>
  workflow("flow").task("work", work, policies);

/** The engine's own dependencies, for a look at what is stored. */
export function seen() {
  const { promise, resolve } = Promise.withResolvers<Dependencies>();
  return {
    dependencies: promise,
    around: (dependencies: Dependencies) => {
      resolve(dependencies);
      return dependencies;
    },
  };
}
