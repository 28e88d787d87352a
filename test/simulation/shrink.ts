import { thin } from "../../src/testing/world/thin.ts";
import { type Reduction, scenarioOf } from "./scenario.ts";
import { simulate } from "./simulation.ts";

/** Runs that a search for a smaller case may take. */
const mostRuns = 400;

/** A case as small as can be found that breaks the same rule as the whole seed does. */
export async function shrink(seed: number, rule: string): Promise<Reduction> {
  return new Shrinking(seed, rule).run();
}

class Shrinking {
  readonly #seed: number;
  readonly #rule: string;
  #best: Reduction = {};
  #runs = 0;

  constructor(seed: number, rule: string) {
    this.#seed = seed;
    this.#rule = rule;
  }

  async run(): Promise<Reduction> {
    const whole = scenarioOf(this.#seed);
    await simulate(whole);
    for (let batches = 1; batches < whole.batches; batches++) if (await this.#try({ batches })) break;
    for (let machines = 1; machines < whole.skewsMs.length; machines++)
      if (await this.#try({ machines })) break;
    const taskIds = [...new Set(whole.taskIds)];
    const withTasks = (kept: readonly string[]): Reduction | undefined =>
      kept.length > 0 ? { withoutTasks: taskIds.filter((id) => !kept.includes(id)) } : undefined;
    const numbers = Array.from({ length: whole.faults.count }, (_, number) => number);
    const holdsWithTasks = async (tasks: readonly string[]) => {
      const reduction = withTasks(tasks);
      return reduction !== undefined && this.#try(reduction);
    };
    const kept = await thin(taskIds, holdsWithTasks);
    await thin(numbers, (faults) => this.#try({ faults }));
    await thin(kept, holdsWithTasks);
    return this.#best;
  }

  async #try(change: Reduction): Promise<boolean> {
    this.#runs += 1;
    if (this.#runs > mostRuns) return false;
    const candidate = { ...this.#best, ...change };
    const { violation } = await simulate(scenarioOf(this.#seed, candidate));
    if (violation?.rule !== this.#rule) return false;
    this.#best = candidate;
    return true;
  }
}
