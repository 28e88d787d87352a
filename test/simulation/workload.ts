import type { Idempotency } from "../../src/core/idempotency-key.ts";
import {
  applyTaskDefaults,
  type ChildRule,
  type Definition,
  FUNCTION_TASK_TYPE,
} from "../../src/core/workflow/definition.ts";
import type { Random } from "../../src/testing/world/random.ts";

/** What the code of a task does. */
export interface TaskPlan {
  readonly id: string;
  readonly after: readonly string[];
  readonly rule: ChildRule;
  /** Time it takes beside its waits. */
  readonly busyMs: number;
  /** Memoised steps before and after its wait. */
  readonly steps: number;
  readonly wait: "none" | "sleep" | "poll" | "event" | "completion";
  readonly sleepSeconds: number;
  /**
   * `flaky`: fails on its first attempts. `hangs`: never ends. `never_comes`: its wait times out. `kills`: ends its
   * process.
   */
  readonly ending: "succeeds" | "fails" | "flaky" | "hangs" | "never_comes" | "kills";
  /** Attempts that the retry policy allows, for those that fail. */
  readonly attempts: number;
  readonly heedsAbort: boolean;
  readonly isLarge: boolean;
  readonly idempotency: Idempotency | undefined;
  readonly hasCallback: boolean;
  /** Its condition, which is asked before the first attempt. `fails`: it never runs. */
  readonly condition: "none" | "holds" | "fails";
  /** Throws a `Skip` where others would return. */
  readonly skipsItself: boolean;
  /** Its result depends on its parents': not with `any_…`, where it can't know what else will end. */
  readonly seesParents: boolean;
}

export interface SimulatedWorkflow {
  readonly id: string;
  /** Every task that any version has. */
  readonly plans: ReadonlyMap<string, TaskPlan>;
  /** The definition at first, and after the deployment. */
  readonly versions: readonly [Definition, Definition];
}

/** Times of tasks, in seconds. */
export const taskTimes = {
  hangTimeout: 7,
  timeout: 3_000,
  pollEvery: 4,
  pollReady: 10,
  /** What waits so long has been forgotten. */
  waitTimeout: 3_000,
  inVain: 25,
} as const;

const rules = ["all_succeeded", "all_succeeded", "all_ended", "any_succeeded", "any_failed"] as const;

export interface Size {
  readonly mostTasks: number;
  /** Shares of the tasks that have each of steps, waits, keys and callbacks; one of them is taken. */
  readonly extras: readonly number[];
}

export function randomWorkflow(random: Random, id: string, { mostTasks, extras }: Size): SimulatedWorkflow {
  const first = planned(random, randomShape(random, mostTasks), extras);
  const second = redeployed(random, first);
  return workflowFrom(id, first, second);
}

function workflowFrom(
  id: string,
  first: readonly TaskPlan[],
  second: readonly TaskPlan[],
): SimulatedWorkflow {
  const both = [...first, ...second];
  const plans = both.map((plan) => ({
    ...plan,
    seesParents: both.every((other) => other.id !== plan.id || waitsForAll(other)),
  }));
  return {
    id,
    plans: new Map(plans.map((plan) => [plan.id, plan])),
    versions: [definitionFrom(id, first), definitionFrom(id, second)],
  };
}

/** What keyed tasks return is the same in every batch. */
function waitsForAll({ rule, idempotency }: TaskPlan): boolean {
  return !idempotency && (rule === "all_succeeded" || rule === "all_ended");
}

/** A workflow of exactly these tasks, all of which succeed unless they say otherwise. */
export function plainWorkflow(
  id: string,
  plans: readonly (Partial<TaskPlan> & Pick<TaskPlan, "id" | "after">)[],
): SimulatedWorkflow {
  const whole = plans.map((plan) => ({ ...plain, ...plan }));
  return workflowFrom(id, whole, whole);
}

const plain = {
  rule: "all_succeeded",
  busyMs: 5,
  steps: 0,
  wait: "none",
  sleepSeconds: 2,
  ending: "succeeds",
  attempts: 3,
  heedsAbort: true,
  isLarge: false,
  idempotency: undefined,
  hasCallback: false,
  condition: "none",
  skipsItself: false,
  seesParents: true,
} as const satisfies Partial<TaskPlan>;

/** Tasks without those that are to be left out, for a smaller case that breaks the same promise. */
export function without(
  { id, plans, versions }: SimulatedWorkflow,
  left: ReadonlySet<string>,
): SimulatedWorkflow {
  const cut = ({ tasks, ...rest }: Definition): Definition => {
    const kept = tasks.filter((task) => !left.has(task.id));
    // There is no definition without tasks.
    return {
      ...rest,
      tasks: (kept.length > 0 ? kept : tasks.slice(0, 1)).map((task) => {
        const { callback, ...plain } = task;
        const isCallable = ![...left].some((id) => callback?.url.includes(`parents.${id}.`));
        const after = task.after.filter((parent) => !left.has(parent));
        return { ...plain, ...(callback && isCallable && { callback }), after };
      }),
    };
  };
  const kept = [...plans].map(([taskId, plan]) => {
    return [taskId, { ...plan, after: plan.after.filter((parent) => !left.has(parent)) }] as const;
  });
  return { id, plans: new Map(kept), versions: [cut(versions[0]), cut(versions[1])] };
}

type Shape = readonly { readonly id: string; readonly after: readonly string[] }[];

function randomShape(random: Random, most: number): Shape {
  const count = Math.min(most, randomCount(random));
  const density = random.pick([0.1, 0.3, 0.6]);
  switch (random.pick(["chain", "random", "random", "fan", "layers"] as const)) {
    case "chain":
      return shapeOf(count, (index) => (index === 0 ? [] : [index - 1]));
    case "fan":
      // One, many, one.
      return shapeOf(count, (index) => (index === 0 ? [] : index < count - 1 ? [0] : range(1, count - 1)));
    case "layers": {
      const width = random.between(2, 10);
      return shapeOf(count, (index) => {
        const layer = Math.floor(index / width);
        return layer === 0 ? [] : range((layer - 1) * width, layer * width);
      });
    }
    case "random":
      return shapeOf(count, (index) =>
        range(Math.max(0, index - 12), index).filter(() => random.chance(density)),
      );
  }
}

/** Mostly a few: what goes wrong between messages mostly goes wrong between few tasks. */
function randomCount(random: Random): number {
  const size = random.next();
  if (size < 0.6) return random.between(1, 3);
  if (size < 0.9) return random.between(3, 6);
  if (size < 0.985) return random.between(7, 16);
  return size < 0.998 ? random.between(17, 50) : random.between(50, 200);
}

function shapeOf(count: number, parentsOf: (index: number) => number[]): Shape {
  return range(0, count).map((index) => ({
    id: `t${index}`,
    after: parentsOf(index).map((parent) => `t${parent}`),
  }));
}

function planned(random: Random, shape: Shape, shares: readonly number[]): TaskPlan[] {
  const trouble = random.pick([0, 0.1, 0.3]);
  const extras = random.pick(shares);
  return shape.map(({ id, after }) => ({
    id,
    after,
    rule: after.length === 0 ? "all_succeeded" : random.pick(rules),
    ...randomPlan(random, trouble, extras),
  }));
}

function randomPlan(
  random: Random,
  trouble: number,
  extras: number,
): Omit<TaskPlan, "id" | "after" | "rule"> {
  const ending = random.chance(trouble)
    ? random.pick([
        "fails",
        "fails",
        "flaky",
        "flaky",
        "flaky",
        "hangs",
        "hangs",
        "never_comes",
        "kills",
      ] as const)
    : "succeeds";
  const isKeyed = random.chance(extras) && ending !== "never_comes";
  const wait = random.chance(extras)
    ? random.pick(["sleep", "poll", "event", "completion"] as const)
    : "none";
  return {
    busyMs: random.chance(0.1) ? random.between(5_000, 30_000) : random.between(0, 50),
    steps: random.chance(extras) ? random.between(1, 3) : 0,
    wait: ending === "never_comes" ? random.pick(["poll", "event", "completion"] as const) : wait,
    sleepSeconds: random.pick([0.05, 2, 12, 60]),
    ending,
    attempts: random.between(1, 3),
    heedsAbort: random.chance(0.5),
    isLarge: random.chance(extras * 0.1),
    idempotency: isKeyed ? randomIdempotency(random) : undefined,
    hasCallback: random.chance(extras),
    condition: "none",
    skipsItself: false,
    seesParents: true,
  };
}

/**
 * The workflow with conditions, with tasks that skip themselves, and with joins that bear skips. They are drawn apart
 * from everything else, so that the other seeds stay as they were recorded.
 */
export function withConditions(
  random: Random,
  { id, plans, versions }: SimulatedWorkflow,
): SimulatedWorkflow {
  const changed = new Map(
    [...plans].map(([taskId, plan]) => {
      const condition = random.pick(["none", "none", "holds", "fails"] as const);
      const skipsItself = random.chance(0.15) && plan.wait !== "completion";
      return [taskId, { ...plan, condition, skipsItself }] as const;
    }),
  );
  const bearsSkips = new Set([...plans.keys()].filter(() => random.chance(0.4)));
  const change = (definition: Definition): Definition => ({
    ...definition,
    tasks: definition.tasks.map((task) => ({
      ...task,
      ...(changed.get(task.id)?.condition !== "none" && { when: { by: "function" } as const }),
      rule:
        task.rule === "all_succeeded" && task.after.length > 0 && bearsSkips.has(task.id)
          ? "none_failed"
          : task.rule,
    })),
  });
  return { id, plans: changed, versions: [change(versions[0]), change(versions[1])] };
}

function randomIdempotency(random: Random): Idempotency {
  return {
    key: random.pick([
      { by: "arguments" },
      { by: "fields", fields: ["group"] },
      { by: "function" },
    ] as const satisfies readonly Idempotency["key"][]),
    scope: random.chance(0.8) ? "global" : "batch",
    ttlSeconds: random.pick([3, 30, 100_000]),
    lockSeconds: random.pick([2, 20, 300]),
    onLocked: random.chance(0.7) ? "wait" : "skip",
    recurring: random.chance(0.2),
  };
}

/** The next version of a workflow: a task more, one less, and other rules. */
function redeployed(random: Random, plans: readonly TaskPlan[]): TaskPlan[] {
  const left = plans.length > 1 && random.chance(0.5) ? plans.at(-1)?.id : undefined;
  const kept = plans
    .filter(({ id }) => id !== left)
    .map((plan) => ({
      ...plan,
      rule: plan.after.length > 0 && random.chance(0.2) ? random.pick(rules) : plan.rule,
    }));
  const added: TaskPlan = { id: "added", after: kept.slice(0, 1).map(({ id }) => id), ...plain };
  return random.chance(0.5) ? [...kept, added] : kept;
}

function definitionFrom(workflowId: string, plans: readonly TaskPlan[]): Definition {
  return {
    format: 1,
    workflowId,
    tasks: plans.map((plan) =>
      applyTaskDefaults({
        id: plan.id,
        type: FUNCTION_TASK_TYPE,
        after: [...plan.after],
        rule: plan.rule,
        timeoutSeconds: plan.ending === "hangs" ? taskTimes.hangTimeout : taskTimes.timeout,
        retry: {
          maxAttempts: plan.attempts + (plan.ending === "flaky" ? 1 : 0),
          initialSeconds: 2,
          factor: 2,
          maxSeconds: 10,
        },
        ...(plan.idempotency && { idempotency: plan.idempotency }),
        ...(plan.hasCallback && {
          callback: {
            url: callbackUrl(plan),
            ...(plan.busyMs % 2 === 0 && { archive: { table: "callbacks", key: ["group"] } }),
          },
        }),
      }),
    ),
  };
}

/**
 * How long a task that fails asks to be left in peace: longer than the policy would wait. No draw of its own moves
 * the seeds.
 */
export function askedPauseSeconds({ ending, busyMs }: TaskPlan): number | undefined {
  return ending === "fails" && busyMs % 10 === 7 ? 15 : undefined;
}

/** Another address in every batch; some are made of what a parent has returned. */
function callbackUrl({ id, rule, after: [parent] }: TaskPlan): string {
  const own = `https://receiver.test/{{ batchId }}/${id}`;
  return parent && rule === "all_succeeded" ? `${own}?seen={{ parents.${parent}.value }}` : own;
}

function range(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, to - from) }, (_, index) => from + index);
}
