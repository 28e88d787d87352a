import * as z from "zod";
import { TaskError } from "../core/errors/errors.ts";
import type { Definition } from "../core/workflow/definition.ts";
import type { Dataform, InvocationSource } from "../ports/services.ts";
import { taskOfType } from "../runtime/task-parameters.ts";
import type { CancelContext, TaskContext, TaskSpec, TaskType } from "../runtime/task-type.ts";
import {
  cancelIfRunning,
  compilationFailure,
  countStates,
  endState,
  findOwn,
  findRunning,
  type HeldInvocation,
  invocationFailure,
  listInvocations,
  parseHeld,
  StoredInvocationSchema,
  startOrAttach,
} from "./dataform-invocation.ts";
import {
  type DataformJob,
  type DataformParameters,
  DataformParametersSchema,
  type Parameters,
  resolveJob,
} from "./dataform-parameters.ts";
import {
  endRound,
  isRoundOver,
  type Round,
  retryUntilDeadline,
  withAttemptDeadline,
  withRounds,
} from "./poll-schedule.ts";

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
  run: (context, parameters) => withRounds(context, (round) => runRound(context, parameters, round)),
  cancel,
};

/**
 * Runs the actions of a Dataform repository once, and waits for their end without occupying a worker. Fails with
 * `DATAFORM_COMPILATION_FAILED`, and with `DATAFORM_FAILED` naming the actions that failed.
 */
export function dataform(parameters: DataformParameters): TaskSpec<DataformResult, DataformParameters> {
  return taskOfType(dataformType, parameters);
}

/** The stored steps of a round. Every invocation found after its intent was started by this round. */
const stepNames = {
  intent: ({ number }: Pick<Round, "number">) => `intent ${number}`,
  invocation: ({ number }: Pick<Round, "number">) => `invocation ${number}`,
  ended: ({ number }: Pick<Round, "number">) => `ended ${number}`,
};

async function runRound(
  context: TaskContext,
  parameters: Parameters,
  round: Round,
): Promise<DataformResult | typeof isRoundOver> {
  const { step, signal, services } = context;
  const { dataform } = services;
  const job = resolveJob(parameters);
  const intent = await step(stepNames.intent(round), () => (round.inherited ? null : intentOf(context, job)));
  if (!intent) return isRoundOver;
  const held = await begin(context, job, round, intent);
  if (!held) return isRoundOver;
  const { every, timeout } = parameters;
  const { name } = held;
  const state = await withAttemptDeadline(
    step.poll(stepNames.ended(round), { every, timeout }, () =>
      retryUntilDeadline(context, async () => endState((await dataform.invocation(name, signal)).state)),
    ),
  );
  if (state instanceof TaskError) {
    if (held.isOurs) await cancelIfRunning(dataform, name, signal);
    else context.warn(leftAlone(name));
    return endRound(context, round, state);
  }
  const actions = await dataform.actions(name, signal);
  if (state === "SUCCEEDED") {
    const compilationResult =
      "compilationResult" in intent
        ? intent.compilationResult
        : (await dataform.invocation(name, signal)).compilationResult;
    return { invocation: name, compilationResult, actions: countStates(actions) };
  }
  if (round.inherited) return isRoundOver;
  return endRound(context, round, invocationFailure(context, name, state, actions, parameters.retryFailed));
}

const KnownSchema = z.array(z.string());
const IntentSchema = z.union([
  z.object({ compilationResult: z.string(), known: KnownSchema.nullable() }),
  z.object({ workflowConfig: z.string(), known: KnownSchema }),
]);
type Intent = z.infer<typeof IntentSchema>;

/** What to invoke: a compilation result without errors, or a workflow configuration. */
async function intentOf({ services, signal }: TaskContext, job: DataformJob): Promise<Intent> {
  const { repository, source, config, settings } = job;
  const { dataform } = services;
  const knownOf = async (shared: InvocationSource) =>
    (await listInvocations(dataform, shared, signal)).map(({ name }) => name);
  if ("workflowConfig" in source) return { ...source, known: await knownOf(source) };
  if ("compilationResult" in source) return { ...source, known: await knownOf({ ...source, config }) };
  const compilation = await dataform.compile({ repository, source, settings, signal });
  if (compilation.errors.length > 0) throw compilationFailure(compilation);
  return { compilationResult: compilation.name, known: null };
}

function sourceOf(intent: Intent, { config }: DataformJob): InvocationSource {
  if ("workflowConfig" in intent) return { workflowConfig: intent.workflowConfig };
  return { compilationResult: intent.compilationResult, config };
}

/** `undefined`: another batch started the round, and none of its invocations runs. */
async function begin(
  { step, signal, services: { dataform } }: TaskContext,
  job: DataformJob,
  round: Round,
  intent: Intent,
): Promise<HeldInvocation | undefined> {
  const { known } = intent;
  const request = { source: sourceOf(intent, job), signal };
  let made: HeldInvocation | null = null;
  const stored = await step(stepNames.invocation(round), async () => {
    made = await (round.inherited ? findRunning : startOrAttach)(dataform, request, known);
    return made && { ...made };
  });
  const held = parseHeld(StoredInvocationSchema.parse(stored), known);
  await endSurplus(dataform, made, held, signal);
  return held;
}

/** Another worker was faster, so the invocation of this one is a surplus. */
async function endSurplus(
  dataform: Dataform,
  made: HeldInvocation | null,
  held: HeldInvocation | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (made?.isOurs && made.name !== held?.name) await cancelIfRunning(dataform, made.name, signal);
}

/** Cancels the invocations that the rounds have started, stored or not. */
async function cancel({ services, stored, log }: CancelContext, parameters: Parameters): Promise<void> {
  const { dataform } = services;
  const job = resolveJob(parameters);
  const { signal } = new AbortController();
  for (let number = 1; ; number += 1) {
    const intent = IntentSchema.nullish().parse(await stored(stepNames.intent({ number })));
    if (intent === undefined) return;
    if (intent === null) continue;
    const invocation = StoredInvocationSchema.parse(await stored(stepNames.invocation({ number })));
    const held = parseHeld(invocation, intent.known);
    if (held && !held.isOurs) log.warn(leftAlone(held.name));
    const request = { source: sourceOf(intent, job), signal };
    const own = invocation === undefined ? await findOwn(dataform, request, intent.known) : [];
    const names = held?.isOurs ? [held.name] : own.map(({ name }) => name);
    for (const name of names) await cancelIfRunning(dataform, name, signal);
  }
}

function leftAlone(invocation: string): string {
  return `${invocation} is not cancelled: the task found it, and another program may have started it`;
}

/** The accounts that Dataform's actions run as, as far as the workflows name them. */
export interface DataformAccounts {
  /** E-mail addresses, each once. */
  readonly named: readonly string[];
  /**
   * Tasks, as `workflow/task`, whose account is known only to their repository, workflow configuration or batch.
   */
  readonly unnamed: readonly string[];
}

/** Dataform runs nothing for a caller that may not act as these accounts. */
export function namedDataformAccounts(
  workflows: readonly { readonly definition: Pick<Definition, "workflowId" | "tasks"> }[],
): DataformAccounts {
  const named = new Set<string>();
  const unnamed: string[] = [];
  for (const { definition } of workflows)
    for (const { id, type, with: parameters } of definition.tasks) {
      if (type !== dataformType.type) continue;
      const account = accountIn(parameters);
      if (account === undefined) unnamed.push(`${definition.workflowId}/${id}`);
      else named.add(account);
    }
  return { named: [...named].sort(), unnamed: unnamed.sort() };
}

/** A placeholder is filled in by a batch, so its account is not known here. */
function accountIn(parameters: unknown): string | undefined {
  const account = dataformType.parameters.safeParse(parameters).data?.serviceAccount;
  return account?.includes("{{") ? undefined : account;
}

/** The full name of an account, which contains its project: `name@project.iam.gserviceaccount.com`. */
export function accountResource(account: string, otherwise: string): string {
  const place = /@(.+)\.iam\.gserviceaccount\.com$/.exec(account)?.[1]?.split(".");
  const [id, ...domain] = place ?? [otherwise];
  const project = domain.length > 0 ? `${domain.join(".")}:${id}` : id;
  return `projects/${project}/serviceAccounts/${account}`;
}
