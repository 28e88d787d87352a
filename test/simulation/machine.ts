import type { CompletionMode } from "../../src/core/messages.ts";
import type { Engine } from "../../src/engine/engine.ts";
import type { WorkflowCatalog } from "../../src/ports/catalog.ts";
import type { CreateMachine } from "../../src/testing/world/cluster.ts";
import { Machine } from "../../src/testing/world/machine.ts";
import type { SimulatedBroker } from "../../src/testing/world/simulated-broker.ts";
import type { SharedServices } from "../../src/testing/world/simulated-ports.ts";
import type { Ledger } from "./ledger.ts";
import { codeOf, conditionOf } from "./task-code.ts";
import type { SimulatedWorkflow } from "./workload.ts";

/** Shared by all machines. */
interface Surroundings {
  readonly shared: SharedServices;
  readonly broker: SimulatedBroker;
  readonly ledger: Ledger;
  readonly workflows: readonly SimulatedWorkflow[];
  readonly leaseSeconds: number;
  readonly completions: CompletionMode;
}

/** Machines that run the planned tasks of a workload. */
export function machineOf({ ledger, workflows, ...parts }: Surroundings): CreateMachine {
  return (process, random, version) => {
    const code = {
      findType: () => undefined,
      findFunction: async (workflowId: string, taskId: string) => {
        const plan = planOf(workflows, workflowId, taskId);
        return plan && codeOf(plan, process, ledger);
      },
      findKeyFunction: async (workflowId: string, taskId: string) =>
        planOf(workflows, workflowId, taskId) && ((input: unknown) => JSON.stringify(input)),
      findCondition: async (workflowId: string, taskId: string) => {
        const plan = planOf(workflows, workflowId, taskId);
        return plan && conditionOf(plan);
      },
    };
    return new Machine(process, { ...parts, code, catalog: catalogOf(workflows, version) }, random);
  };
}

function planOf(workflows: readonly SimulatedWorkflow[], workflowId: string, taskId: string) {
  return workflows.find(({ id }) => id === workflowId)?.plans.get(taskId);
}

function catalogOf(workflows: readonly SimulatedWorkflow[], version: 0 | 1): WorkflowCatalog {
  const deployed = workflows.map(({ versions }) => ({
    definition: versions[version],
    triggers: [],
    parseInput: (input: Parameters<Engine["start"]>[0]["input"]) => input ?? null,
  }));
  return {
    find: async (workflowId) => deployed.find(({ definition }) => definition.workflowId === workflowId),
    all: async () => deployed,
  };
}
