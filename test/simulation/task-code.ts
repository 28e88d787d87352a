import { Skip, TaskError } from "../../src/core/errors/errors.ts";
import type { JsonValue } from "../../src/core/values/json.ts";
import type { AnyTaskFunction, ConditionFunction, TaskContext } from "../../src/runtime/task-type.ts";
import type { Process } from "../../src/testing/world/process.ts";
import type { Ledger } from "./ledger.ts";
import { askedPauseSeconds, type TaskPlan, taskTimes } from "./workload.ts";

/** Longer than a TaskLog may hold: such a result goes to the object store. */
const padding = "x".repeat(70_000);

/** The code of a task, doing on some process what its plan says. */
export function codeOf(plan: TaskPlan, process: Process, ledger: Ledger): AnyTaskFunction {
  return async (context) => {
    ledger.started(context.batchId, plan.id);
    if (plan.ending === "kills") process.crash();
    await steps(plan, context, process, ledger, "before");
    if (plan.wait !== "completion") await wait(plan, context, process, ledger);
    if (plan.busyMs > 0) await process.spend(plan.busyMs);
    await steps(plan, context, process, ledger, "after");
    if (plan.ending === "hangs") await hang(plan, context, process, ledger);
    failAsPlanned(plan, context.attempt);
    if (plan.skipsItself) throw new Skip("as planned");
    if (plan.wait === "completion") return context.waitForCompletion(`${timeoutOf(plan)}s`);
    return resultOf(plan, context);
  };
}

/** The condition of a task, which always decides the same. */
export function conditionOf({ condition }: TaskPlan): ConditionFunction {
  return () => condition !== "fails";
}

function failAsPlanned(plan: TaskPlan, attempt: number): void {
  const { ending, wait, heedsAbort, attempts } = plan;
  if (ending === "fails" && wait !== "completion")
    throw new TaskError("as planned", {
      retryable: heedsAbort,
      retryAfterSeconds: askedPauseSeconds(plan),
    });
  if (ending === "flaky" && attempt <= attempts) throw new Error("not yet, as planned");
}

/** What the task returns: a number that is computed from what it has seen of its parents. */
async function resultOf(plan: TaskPlan, context: TaskContext): Promise<JsonValue> {
  const seen = plan.seesParents
    ? await Promise.all(
        plan.after.map(async (id) => {
          const { status } = await context.parentStatus(id);
          return status === "SUCCESS" ? numberIn(await context.parent(id)) : status;
        }),
      )
    : [];
  return shapedResult(plan, valueFrom(plan.id, seen));
}

/** A number that depends on all that the task has seen, and on nothing else. */
export function valueFrom(taskId: string, seen: readonly JsonValue[]): number {
  let value = 17;
  for (const character of `${taskId} ${seen.join(" ")}`)
    value = (Math.imul(value, 31) + (character.codePointAt(0) ?? 0)) >>> 0;
  return value;
}

function shapedResult(plan: TaskPlan, value: number): JsonValue {
  return plan.isLarge ? { value, padding } : { value };
}

/** The number in what a task returned. */
export function numberIn(result: unknown): JsonValue {
  if (typeof result === "object" && result !== null && "value" in result && typeof result.value === "number")
    return result.value;
  return null;
}

async function steps(
  plan: TaskPlan,
  context: TaskContext,
  process: Process,
  ledger: Ledger,
  when: string,
): Promise<void> {
  for (let number = 0; number < plan.steps; number++) {
    const name = `${when} ${number}`;
    const effect = await context.step(name, async () => {
      await process.spend(3);
      return ledger.effect(context, name);
    });
    ledger.used(context, name, effect);
  }
}

async function wait(plan: TaskPlan, context: TaskContext, process: Process, ledger: Ledger): Promise<void> {
  const timeout = `${timeoutOf(plan)}s` as const;
  const name = `go ${plan.id}`;
  switch (plan.wait) {
    case "sleep":
      ledger.hasPassed(context, 0);
      await context.step.sleep("sleep", `${Math.ceil(plan.sleepSeconds * 1_000)}ms`);
      if (!ledger.hasPassed(context, plan.sleepSeconds)) ledger.wrong("sleep-is-slept", context);
      return;
    case "poll":
      await context.step.poll("poll", { every: `${taskTimes.pollEvery}s`, timeout }, async () => {
        await process.spend(1);
        return plan.ending !== "never_comes" && ledger.hasPassed(context, taskTimes.pollReady)
          ? true
          : undefined;
      });
      return;
    case "event":
      ledger.used(context, name, await context.step.waitForEvent(name, { timeout }));
      return;
    case "none":
    case "completion":
      return;
  }
}

function timeoutOf({ ending }: TaskPlan): number {
  return ending === "never_comes" ? taskTimes.inVain : taskTimes.waitTimeout;
}

/**
 * Waits in this number of stretches: while the process stands still, no more than one of them passes, as for the
 * timeout.
 */
const stretches = 80;

function passing(process: Process, ms: number, resolve: () => void, left = stretches): void {
  if (left === 0) resolve();
  else process.after(ms / stretches, () => passing(process, ms, resolve, left - 1));
}

/** Ends with its signal or, when it ignores that, long after; what it tries then must have no effect. */
async function hang(
  { heedsAbort }: TaskPlan,
  context: TaskContext,
  process: Process,
  ledger: Ledger,
): Promise<void> {
  await new Promise<void>((resolve) => {
    if (heedsAbort) context.signal.addEventListener("abort", () => resolve());
    passing(process, 4 * taskTimes.hangTimeout * 1_000, resolve);
  });
  if (!context.signal.aborted) ledger.wrong("timeout-aborts", context);
  await context.step("too late", () => "not stored");
  ledger.wrong("nothing-after-abort", context);
}

/** What an outside system completes a task with. */
export function outsideValue(taskId: string): number {
  return valueFrom(taskId, ["outside"]);
}
