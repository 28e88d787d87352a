import { deriveBatchId } from "../../src/core/batch.ts";
import { type CompletionMode, completionModes } from "../../src/core/messages.ts";
import {
  type Fault,
  faultsOf,
  type Hostility,
  ScriptedFaults,
  type Site,
} from "../../src/testing/world/faults.ts";
import { type Outcome, type Scenario, simulate } from "./simulation.ts";
import { plainWorkflow, type SimulatedWorkflow } from "./workload.ts";

/** Small graphs whose every call is made to fail in every way. */
const graphs: Readonly<Record<string, SimulatedWorkflow>> = {
  chain: plainWorkflow("chain", [
    { id: "a", after: [] },
    { id: "b", after: ["a"] },
  ]),
  parents: plainWorkflow("parents", [
    { id: "a", after: [] },
    { id: "b", after: [] },
    { id: "c", after: ["a", "b"] },
  ]),
  diamond: plainWorkflow("diamond", [
    { id: "a", after: [] },
    { id: "b", after: ["a"] },
    { id: "c", after: ["a"], ending: "fails", heedsAbort: false },
    { id: "d", after: ["b", "c"], rule: "all_ended" },
  ]),
  // Everything that one task can have.
  whole: plainWorkflow("whole", [
    {
      id: "a",
      after: [],
      steps: 1,
      wait: "sleep",
      hasCallback: true,
      busyMs: 4,
      idempotency: {
        key: { by: "arguments" },
        scope: "global",
        ttlSeconds: 100_000,
        lockSeconds: 5,
        onLocked: "wait",
        recurring: false,
      },
    },
  ]),
};

/** One fault at a numbered call of a graph, and all that a second one after it can do. */
export interface Unit {
  readonly graph: string;
  readonly machines: number;
  readonly hostility: Hostility;
  readonly completions: CompletionMode;
  /** Seed of how long everything takes. */
  readonly timing: number;
  readonly at: number;
  readonly fault: Fault;
}

export interface Finding {
  readonly unit: Unit;
  /** The calls that went wrong, by their number. */
  readonly script: readonly (readonly [number, Fault])[];
  readonly outcome: Outcome;
}

/** Every single fault, also as the first of a pair. Faults that only a sweeper repairs run in hostile worlds. */
export async function unitsOf(timings: number): Promise<Unit[]> {
  const units: Unit[] = [];
  for (let timing = 1; timing <= timings; timing++)
    for (const graph of Object.keys(graphs))
      for (const machines of [1, 3])
        for (const hostility of ["gentle", "hostile"] as const)
          for (const completions of completionModes)
            units.push(...(await unitsIn({ graph, machines, hostility, completions, timing })));
  return units;
}

async function unitsIn(world: Omit<Unit, "at" | "fault">): Promise<Unit[]> {
  const { passed } = await run(world, []);
  return passed.flatMap((site, at) =>
    faultsOf[world.hostility][site].map((fault) => ({ ...world, at, fault })),
  );
}

/** Runs a unit alone, and with every `stride`-th of the faults that may come after it; 0: alone. */
export async function runUnit(
  unit: Unit,
  stride: number,
): Promise<{ schedules: number; events: number; findings: Finding[] }> {
  const findings: Finding[] = [];
  let schedules = 0;
  let events = 0;
  const runScript = async (script: readonly (readonly [number, Fault])[]) => {
    const { outcome, passed } = await run(unit, script);
    schedules += 1;
    events += outcome.events;
    if (outcome.violation) findings.push({ unit, script, outcome });
    return passed;
  };
  const first = [unit.at, unit.fault] as const;
  const passed = isTriedHere(unit, [unit.fault])
    ? await runScript([first])
    : (await run(unit, [first])).passed;
  let number = unit.at;
  for (const [at, site] of passed.entries())
    if (at > unit.at && stride > 0)
      for (const fault of faultsOf[unit.hostility][site])
        if (isTriedHere(unit, [unit.fault, fault]) && number++ % stride === 0)
          await runScript([first, [at, fault]]);
  return { schedules, events, findings };
}

/** What the gentle world has is tried there. */
function isTriedHere({ hostility }: Unit, faults: readonly Fault[]): boolean {
  return hostility === "gentle" || faults.some((fault) => !gentleFaults.has(fault));
}

const gentleFaults = new Set(Object.values(faultsOf.gentle).flat());

export async function run(
  { graph, ...settings }: Omit<Unit, "at" | "fault">,
  script: readonly (readonly [number, Fault])[],
  isTraced = false,
): Promise<{ readonly outcome: Outcome; readonly passed: readonly Site[] }> {
  const workflow = graphs[graph];
  if (!workflow) throw new RangeError(`There is no graph ${graph}`);
  const faults = new ScriptedFaults(new Map(script));
  const outcome = await simulate(scenarioWith(workflow, settings, faults, isTraced));
  return { outcome, passed: faults.passed };
}

function scenarioWith(
  workflow: SimulatedWorkflow,
  { machines, hostility, completions, timing }: Omit<Unit, "graph" | "at" | "fault">,
  faults: ScriptedFaults,
  isTraced: boolean,
): Scenario {
  const hourMs = 3_600_000;
  const start = { workflow, key: "key", group: "a", atMs: 0 };
  const message = {
    kind: "start",
    workflowId: workflow.id,
    key: start.key,
    input: { group: start.group },
  } as const;
  return {
    seed: timing,
    workflows: [workflow],
    script: {
      batchIds: [deriveBatchId(workflow.id, start.key)],
      act: (people) => people.publish(0, message),
    },
    faults,
    hostility,
    completions,
    atOnceShare: [1, 0, 0.5][timing % 3] ?? 0,
    // The clocks of the others are wrong.
    skewsMs: [0, hourMs, -hourMs].slice(0, machines),
    leaseSeconds: 2,
    acknowledgeSeconds: 1,
    sweepSeconds: 5,
    receiverIsBackMs: 0,
    faultsEndMs: 0,
    endFaults: () => undefined,
    boundMs: 400_000,
    replays: false,
    isTraced,
  };
}
