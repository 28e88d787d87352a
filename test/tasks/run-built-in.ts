import { systemClock, systemIds } from "../../src/adapters/system/system.ts";
import { taskSecrets } from "../../src/configuration/secrets.ts";
import type { JsonValue } from "../../src/core/values/json.ts";
import { applyTaskDefaults } from "../../src/core/workflow/definition.ts";
import type { StepMemory } from "../../src/ports/task-runner.ts";
import { createContext, createSteps, NoteTaker } from "../../src/runtime/context.ts";
import { runCode } from "../../src/runtime/task-code.ts";
import type { Services, TaskSpec, TaskType } from "../../src/runtime/task-type.ts";

const silent = () => {};

export interface Circumstances {
  readonly input?: JsonValue;
  readonly parents?: Readonly<Record<string, JsonValue>>;
  readonly signal?: AbortSignal;
  readonly secrets?: Readonly<Record<string, string>>;
}

/** Runs a built-in task as the runtime does: placeholders are filled, parameters parsed. */
export async function runBuiltIn<Parameters, Result>(
  type: TaskType<Parameters, Result>,
  { type: name, with: parameters }: TaskSpec<Result>,
  services: Partial<Services>,
  { input = null, parents = {}, signal = new AbortController().signal, secrets = {} }: Circumstances = {},
): Promise<Result> {
  const task = applyTaskDefaults({ id: "it", type: name, with: parameters, after: Object.keys(parents) });
  const assignment = {
    batchId: "batch-1",
    workflowId: "flow",
    definitionHash: "none",
    task,
    input,
    attempt: 1,
    idempotencyKey: "batch-1/it",
    leaseSeconds: 60,
    renew: async () => true,
    parentOutcome: async (id: string) => ({
      status: "SUCCESS" as const,
      result: parents[id] ?? null,
      error: null,
    }),
    memory: noSteps,
    callback: undefined,
  };
  const unused = (service: string): never => {
    throw new Error(`This task needs no ${service}`);
  };
  const all: Services = {
    get warehouse() {
      return services.warehouse ?? unused("warehouse");
    },
    get objects() {
      return services.objects ?? unused("objects");
    },
    get http() {
      return services.http ?? unused("http");
    },
    get dataform() {
      return services.dataform ?? unused("dataform");
    },
    get powerBi() {
      return services.powerBi ?? unused("powerBi");
    },
  };
  const log = { debug: silent, info: silent, warn: silent, error: silent };
  const notes = new NoteTaker(signal);
  const step = createSteps(noSteps, systemClock, signal, () => unused("wait"));
  const callback = { progress: async () => undefined };
  const context = createContext(assignment, all, log, { signal, notes, step, callback });
  const code = {
    findType: () => type as TaskType,
    findFunction: async () => undefined,
    findKeyFunction: async () => undefined,
    findCondition: async () => undefined,
  };
  const configured = taskSecrets({ configured: new Map(Object.entries(secrets)), endpoint: undefined });
  return (await runCode(code, assignment, context, { secrets: configured, ids: systemIds })) as Result;
}

/** The built-in tasks that are run this way have none. */
const refuse = (): Promise<never> => Promise.reject(new Error("This task has no steps"));
const noSteps = (): StepMemory => ({ find: refuse, store: refuse, startWait: refuse, event: refuse });
