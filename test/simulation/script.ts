import { deriveBatchId } from "../../src/core/batch.ts";
import type { Message } from "../../src/core/messages.ts";
import type { Hostility } from "../../src/testing/world/faults.ts";
import type { Random } from "../../src/testing/world/random.ts";
import type { People } from "./people.ts";
import { outsideValue } from "./task-code.ts";
import type { SimulatedWorkflow, TaskPlan } from "./workload.ts";

/** One start that a caller asks for. */
interface PlannedStart {
  readonly workflow: SimulatedWorkflow;
  readonly key: string;
  readonly group: string;
  readonly atMs: number;
}

/** What people do in a run, and when. */
export interface Script {
  readonly batchIds: readonly string[];
  readonly act: (people: People, operations: Operations) => void;
}

export interface Operations {
  cancel(batchId: string, delayMs: number): void;
  retry(batchId: string, delayMs: number): void;
  deploy(delayMs: number): void;
  shutDownOne(delayMs: number): void;
}

export function randomScript(
  random: Random,
  workflows: readonly SimulatedWorkflow[],
  batches: number,
  hostility: Hostility,
): Script {
  const starts = Array.from({ length: batches }, (_, index) => ({
    workflow: random.pick(workflows),
    key: `key ${index}`,
    group: random.pick(["a", "a", "b"]),
    atMs: random.between(0, 5_000),
  }));
  const batchIds = starts.map(({ workflow, key }) => deriveBatchId(workflow.id, key));
  const act = (people: People, operations: Operations) => {
    for (const start of starts) actOn(random, start, people, operations);
    // A retry that is asked for again after a deployment is another batch; what became of the first is the sweeper's.
    if (hostility === "hostile" && random.chance(0.4)) operations.deploy(random.between(0, 30_000));
    if (random.chance(0.15)) operations.shutDownOne(random.between(0, 30_000));
  };
  return { batchIds, act };
}

function actOn(random: Random, start: PlannedStart, people: People, operations: Operations): void {
  const { workflow, key, group, atMs } = start;
  const batchId = deriveBatchId(workflow.id, key);
  const message: Message = { kind: "start", workflowId: workflow.id, key, input: { group } };
  people.publish(atMs, message);
  if (random.chance(0.3)) people.publish(atMs + random.between(0, 20_000), message);
  if (random.chance(0.15)) operations.cancel(batchId, atMs + random.between(0, 40_000));
  if (random.chance(0.3)) operations.retry(batchId, atMs + random.between(2_000, 60_000));
  for (const plan of workflow.plans.values()) {
    sendTo(random, batchId, plan, atMs, people);
    // Every sender may ask for a task to run. It does not run before its turn.
    const outsider: Message = { kind: "task", batchId, taskId: plan.id };
    if (random.chance(0.1)) people.publishTo(batchId, plan.id, atMs + random.between(0, 2_000), outsider);
  }
}

/** What a task waits for from outside comes before or while it waits, once or twice. */
export function sendTo(random: Random, batchId: string, plan: TaskPlan, atMs: number, people: People): void {
  if (plan.ending === "never_comes" || (plan.wait !== "event" && plan.wait !== "completion")) return;
  for (let copy = random.chance(0.3) ? 0 : 1; copy < 2; copy++)
    people.publishTo(
      batchId,
      plan.id,
      atMs + random.between(0, random.pick([200, 40_000])),
      outsideMessage(plan, batchId, copy),
    );
}

function outsideMessage({ id, wait, ending }: TaskPlan, batchId: string, copy: number): Message {
  if (wait === "event") return { kind: "event", batchId, event: `go ${id}`, payload: copy };
  const completion = ending === "fails" ? { error: "as planned" } : { result: { value: outsideValue(id) } };
  return { kind: "task", batchId, taskId: id, previousTaskId: id, completion };
}
