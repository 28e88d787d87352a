import * as z from "zod";
import { TaskError } from "../core/errors.ts";
import type { JsonValue } from "../core/json.ts";
import type { Dataform, InvocationRequest } from "../ports/dataform.ts";
import type { CancelContext, TaskContext, TaskSpec, TaskType } from "../runtime/task-type.ts";
import { cancelIfRunning, findOwn, startOrAdopt } from "./dataform-invocation.ts";
import { compilationFailure, countStates, endOf, failureOf } from "./dataform-outcome.ts";
import {
  type DataformJob,
  type DataformParameters,
  DataformParametersSchema,
  jobOf,
  type Parameters,
} from "./dataform-parameters.ts";
import { spec } from "./define.ts";
import { endRound, inRounds, patiently, type Round, roundIsOver, withinTime } from "./rounds.ts";

export interface DataformResult {
  readonly invocation: string;
  readonly compilationResult: string;
  /** How many actions ended in which way: `{ succeeded: 12, disabled: 1 }`. */
  readonly actions: Readonly<Record<string, number>>;
}

export const dataformType: TaskType<Parameters, DataformResult> = {
  type: "dataform",
  summary: "Compiles a Dataform repository, runs its actions and waits for their end",
  parameters: DataformParametersSchema,
  run: (context, parameters) => inRounds(context, (round) => runRound(context, parameters, round)),
  cancel,
};

/**
 * Runs the actions of a Dataform repository, once, and waits for their end without taking up the machine. Fails with
 * `DATAFORM_COMPILATION_FAILED`, and with `DATAFORM_FAILED` naming the actions that failed.
 */
export function dataform(parameters: DataformParameters): TaskSpec<DataformResult> {
  return spec(dataformType, parameters);
}

/** The stored steps of a round. From its intent on, whatever else is found was started by this round. */
const stepNames = {
  intent: ({ number }: Pick<Round, "number">) => `intent ${number}`,
  invocation: ({ number }: Pick<Round, "number">) => `invocation ${number}`,
  ended: ({ number }: Pick<Round, "number">) => `ended ${number}`,
};

async function runRound(
  context: TaskContext,
  parameters: Parameters,
  round: Round,
): Promise<DataformResult | typeof roundIsOver> {
  const { step, signal, services } = context;
  const job = jobOf(parameters);
  const intent = await step(stepNames.intent(round), () => (round.inherited ? null : intentOf(context, job)));
  if (!intent) return roundIsOver;
  const invocation = await step(stepNames.invocation(round), () =>
    begin(services.dataform, round, { ...intent, config: job.config, signal }),
  );
  if (invocation === null) return roundIsOver;
  const { every, timeout } = parameters;
  const state = await withinTime(
    step.poll(stepNames.ended(round), { every, timeout }, () =>
      patiently(context, async () => endOf((await services.dataform.invocation(invocation, signal)).state)),
    ),
  );
  if (state instanceof TaskError) {
    await cancelIfRunning(services.dataform, invocation, signal);
    return endRound(context, round, state);
  }
  const actions = await services.dataform.actions(invocation, signal);
  if (state === "SUCCEEDED")
    return { invocation, compilationResult: intent.compilationResult, actions: countStates(actions) };
  if (round.inherited) return roundIsOver;
  return endRound(context, round, failureOf(context, invocation, state, actions, parameters.retryFailed));
}

const IntentSchema = z.object({ compilationResult: z.string(), known: z.array(z.string()).nullable() });
type Intent = z.infer<typeof IntentSchema>;

/** What is going to be invoked: a compilation result without errors. */
async function intentOf({ services, signal }: TaskContext, job: DataformJob): Promise<Intent> {
  const { repository, source } = job;
  if ("compilationResult" in source) {
    const there = await services.dataform.invocationsOf(source.compilationResult, signal);
    return { compilationResult: source.compilationResult, known: there.map(({ name }) => name) };
  }
  const compilation = await services.dataform.compile({ repository, source, signal });
  if (compilation.errors.length > 0) throw compilationFailure(compilation);
  return { compilationResult: compilation.name, known: null };
}

/** Null: another batch began the round, and nothing of it runs. */
async function begin(
  dataform: Dataform,
  { inherited }: Round,
  { known, ...request }: Intent & InvocationRequest,
): Promise<string | null> {
  if (!inherited) return (await startOrAdopt(dataform, request, known)).name;
  const own = await findOwn(dataform, request, known);
  return own.find(({ state }) => state === "RUNNING")?.name ?? null;
}

/** Cancels what the rounds have started, whether or not they came to store it. */
async function cancel({ services, stored }: CancelContext, parameters: Parameters): Promise<void> {
  const { config } = jobOf(parameters);
  const { signal } = new AbortController();
  for (let number = 1; ; number += 1) {
    const intent = IntentSchema.nullish().parse(await stored(stepNames.intent({ number })));
    if (intent === undefined) return;
    const invocation = await stored(stepNames.invocation({ number }));
    const names = intent ? await startedBy(services.dataform, invocation, { ...intent, config, signal }) : [];
    for (const name of names) await cancelIfRunning(services.dataform, name, signal);
  }
}

async function startedBy(
  dataform: Dataform,
  invocation: JsonValue | undefined,
  { known, ...request }: Intent & InvocationRequest,
): Promise<readonly string[]> {
  if (invocation === undefined) return (await findOwn(dataform, request, known)).map(({ name }) => name);
  return typeof invocation === "string" ? [invocation] : [];
}
