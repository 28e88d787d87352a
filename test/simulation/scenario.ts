import { type CompletionMode, completionModes } from "../../src/core/messages.ts";
import { RandomFaults } from "../../src/testing/world/faults.ts";
import { Random } from "../../src/testing/world/random.ts";
import { parentsFirst } from "./oracle.ts";
import { randomScript } from "./script.ts";
import type { Scenario } from "./simulation.ts";
import {
  askedPauseSeconds,
  randomWorkflow,
  type SimulatedWorkflow,
  type TaskPlan,
  taskTimes,
  withConditions,
  without,
} from "./workload.ts";

/** A smaller case than the seed's own. */
export interface Reduction {
  /** The faults that are kept, by their number; all when absent. */
  readonly faults?: readonly number[] | undefined;
  /** Tasks that are left out, by name. */
  readonly withoutTasks?: readonly string[] | undefined;
  readonly machines?: number | undefined;
  readonly batches?: number | undefined;
  readonly completions?: CompletionMode | undefined;
}

export interface SeededScenario extends Scenario {
  readonly faults: RandomFaults;
  readonly taskIds: readonly string[];
  readonly batches: number;
}

const hourMs = 3_600_000;

/** Everything about a run follows from its seed; what is reduced does not shift the rest. */
export function scenarioOf(seed: number, reduction: Reduction = {}, isTraced = false): SeededScenario {
  // Every second run is small and full of faults: many go deep, the others go wide.
  const isSmall = seed % 2 === 1;
  const random = new Random(seed);
  const settings = random.fork();
  const shapes = random.fork();
  const script = random.fork();
  const chance = random.fork();
  const hostility = settings.pick(["gentle", "hostile"] as const);
  const leaseSeconds = settings.pick([2, 5, 20]);
  const acknowledgeSeconds = settings.pick([4, 15, 60]);
  const sweepSeconds = settings.pick([5, 30]);
  const faultsEndMs = settings.between(20_000, 200_000);
  const rate = settings.pick(isSmall ? [0.03, 0.1, 0.25] : [0, 0.003, 0.01, 0.03, 0.1]);
  const mostFaults = settings.between(1, 40);
  const clocks = settings.pick([[0], [0, hourMs, -hourMs], [-hourMs], [hourMs]]);
  const skewsMs = Array.from({ length: settings.between(1, 4) }, () => settings.pick(clocks));
  const batches = isSmall ? settings.pick([1, 1, 2, 4]) : settings.pick([1, 1, 1, 1, 2, 3]);
  const size = isSmall ? { mostTasks: 3, extras: [0.3, 0.6] } : { mostTasks: 200, extras: [0, 0.15, 0.4] };
  const whole = [
    randomWorkflow(shapes, "one", size),
    ...(batches > 1 ? [randomWorkflow(shapes, "two", size)] : []),
  ];
  const conditional = conditionsOf(seed, whole);
  const left = new Set(reduction.withoutTasks);
  const workflows = left.size === 0 ? conditional : conditional.map((workflow) => without(workflow, left));
  const only = reduction.faults && new Set(reduction.faults);
  const faults = new RandomFaults(chance, { hostility, rate, most: mostFaults, only });
  const receiverIsBackMs = settings.chance(0.3) ? settings.between(0, faultsEndMs) : 0;
  const completions = settings.pick(completionModes);
  const used = { leaseSeconds, acknowledgeSeconds, sweepSeconds, faultsEndMs, receiverIsBackMs };
  return {
    seed,
    workflows,
    script: randomScript(script, workflows, reduction.batches ?? batches, hostility),
    faults,
    hostility,
    completions: reduction.completions ?? completions,
    atOnceShare: atOnceShareOf(seed),
    skewsMs: skewsMs.slice(0, reduction.machines ?? skewsMs.length),
    ...used,
    endFaults: () => faults.end(),
    boundMs: boundMs(workflows, batches, used),
    replays: seed % 8 < 2,
    isTraced,
    taskIds: workflows.flatMap(({ plans }) => [...plans.keys()]),
    batches,
  };
}

/** Every fourth seed has conditions. */
function conditionsOf(seed: number, workflows: readonly SimulatedWorkflow[]): readonly SimulatedWorkflow[] {
  const random = new Random(seed ^ 0x2c1b);
  return random.chance(0.25) ? workflows.map((workflow) => withConditions(random, workflow)) : workflows;
}

/** Drawn apart from everything else, with a constant that leaves the store of every recorded seed remote. */
function atOnceShareOf(seed: number): number {
  return new Random(seed ^ 0xd7c7).pick([0, 0, 0.5, 1]);
}

/**
 * Invariant 14 of the design: after faults stop, rest within depth × (lease + 2 × sweep + largest back-off), where the
 * back-off is the longest that a task may run, wait and be tried again; once more for a retry of the batch. What was
 * delayed while there were faults may still come a minute later, and a callback backs off as long as its receiver was
 * away.
 */
function boundMs(
  workflows: readonly SimulatedWorkflow[],
  batches: number,
  settings: Pick<
    Scenario,
    "leaseSeconds" | "sweepSeconds" | "faultsEndMs" | "acknowledgeSeconds" | "receiverIsBackMs"
  >,
): number {
  const { leaseSeconds, sweepSeconds, faultsEndMs, acknowledgeSeconds, receiverIsBackMs } = settings;
  const depth = Math.max(...workflows.flatMap(({ versions }) => versions.map((version) => depthOf(version))));
  const plans = workflows.flatMap((workflow) => [...workflow.plans.values()]);
  const largestSeconds = Math.max(...plans.map((plan) => longestSeconds(plan, 2 * batches)));
  const levelSeconds = leaseSeconds + 2 * sweepSeconds + acknowledgeSeconds + largestSeconds;
  const outsideSeconds = 240;
  const runs = 2;
  return faultsEndMs + receiverIsBackMs * 2 + (outsideSeconds + runs * (depth + 1) * levelSeconds) * 1_000;
}

/** All attempts at one task, and its turn at a lock that others have before it. */
function longestSeconds(plan: TaskPlan, calls: number): number {
  const { attempts, busyMs, ending, wait, sleepSeconds, idempotency } = plan;
  const waits = {
    none: 0,
    sleep: sleepSeconds,
    poll: taskTimes.pollReady + taskTimes.pollEvery,
    event: 0,
    completion: 2,
  };
  const waitSeconds = ending === "never_comes" ? taskTimes.inVain : waits[wait];
  const hangSeconds = ending === "hangs" ? taskTimes.hangTimeout : 0;
  // It is given up when it has ended eleven processes. Each is missed for a lease and started again.
  if (ending === "kills") return 11 * 90 * calls;
  const backoffSeconds = askedPauseSeconds(plan) ?? 10;
  const allSeconds = (attempts + 1) * (busyMs / 1_000 + waitSeconds + hangSeconds + backoffSeconds);
  return idempotency ? calls * (allSeconds + idempotency.lockSeconds + 15) : allSeconds;
}

function depthOf(definition: SimulatedWorkflow["versions"][number]): number {
  const depths = new Map<string, number>();
  for (const { id, after } of parentsFirst(definition))
    depths.set(id, 1 + Math.max(0, ...after.map((parent) => depths.get(parent) ?? 0)));
  return Math.max(...depths.values());
}
