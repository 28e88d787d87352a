import { TaskError } from "../core/errors/errors.ts";
import type { Refresh, RefreshRequest } from "../ports/services.ts";
import type { CancelContext, TaskContext, TaskSpec, TaskType } from "../runtime/task-type.ts";
import { defineTaskType } from "./define.ts";
import {
  endRound,
  isRoundOver,
  type Round,
  retryUntilDeadline,
  withAttemptDeadline,
  withRounds,
} from "./poll-schedule.ts";
import {
  attach,
  type ChosenRefresh,
  ChosenRefreshSchema,
  cancelOwn,
  type Intent,
  IntentSchema,
  isEnhanced,
  type Parameters,
  PowerBiParametersSchema,
  type PowerBiRefreshParameters,
  refreshOptions,
  startOrAttach,
} from "./power-bi-start.ts";

export interface PowerBiRefreshResult {
  readonly refresh: string;
  /** Whether it was already running when the task started. */
  readonly adopted: boolean;
  readonly startTime: string | null;
  readonly endTime: string | null;
}

export const powerBiRefreshType: TaskType<Parameters, PowerBiRefreshResult> = {
  type: "powerBiRefresh",
  summary: "Refreshes a Power BI semantic model and waits for its end",
  parameters: PowerBiParametersSchema,
  run: (context, parameters) => withRounds(context, (round) => runRound(context, parameters, round)),
  cancel,
};

/**
 * Refreshes a Power BI semantic model once, and waits for its end without occupying a worker. Fails with
 * `POWER_BI_REFRESH_FAILED`, and with `POWER_BI_REFRESH_LIMIT` when the refreshes of the day are used up.
 */
export function powerBiRefresh(parameters: PowerBiRefreshParameters): TaskSpec<PowerBiRefreshResult> {
  return defineTaskType(powerBiRefreshType, parameters);
}

const stepNames = {
  idle: ({ number }: Pick<Round, "number">) => `idle ${number}`,
  intent: ({ number }: Pick<Round, "number">) => `intent ${number}`,
  refresh: ({ number }: Pick<Round, "number">) => `refresh ${number}`,
  ended: ({ number }: Pick<Round, "number">) => `ended ${number}`,
};

async function runRound(
  context: TaskContext,
  parameters: Parameters,
  round: Round,
): Promise<PowerBiRefreshResult | typeof isRoundOver> {
  const { step, services } = context;
  const request = requestOf(parameters, context.signal);
  const waits = { every: parameters.every, timeout: parameters.timeout };
  if (parameters.ifRunning === "wait" && !round.inherited)
    await step.poll(stepNames.idle(round), waits, () =>
      retryUntilDeadline(context, () => idle(context, request)),
    );
  const intent = await step(stepNames.intent(round), () =>
    round.inherited ? null : intentOf(context, request),
  );
  if (!intent) return isRoundOver;
  const chosen = await step(stepNames.refresh(round), () =>
    round.inherited
      ? attach(services.powerBi, request, intent)
      : startOrAttach(services.powerBi, request, intent),
  );
  if (!chosen) return isRoundOver;
  const ended = await withAttemptDeadline(
    step.poll(stepNames.ended(round), waits, () =>
      retryUntilDeadline(context, () => endOf(context, request, chosen)),
    ),
  );
  if (ended instanceof TaskError) {
    if (!chosen.isOurs) context.warn(leftRunning(chosen.id));
    else if (isEnhanced(parameters)) await cancelOwn(services.powerBi, request, chosen.id);
    return endRound(context, round, ended);
  }
  if (ended.state === "completed")
    return {
      refresh: chosen.id,
      adopted: chosen.adopted,
      startTime: ended.startTime ?? null,
      endTime: ended.endTime ?? null,
    };
  return endRound(context, round, failureOf(ended, parameters.retryFailed));
}

function requestOf(parameters: Parameters, signal: AbortSignal): RefreshRequest {
  const { workspace, dataset } = parameters;
  return { workspace, dataset, options: refreshOptions(parameters), signal };
}

async function idle({ services }: TaskContext, request: RefreshRequest): Promise<true | undefined> {
  const history = await services.powerBi.refreshes(request, request.signal);
  return history.some(({ state }) => state === "running") ? undefined : true;
}

/** A refresh that runs now is adopted: with `wait`, it started after the earlier one ended. */
async function intentOf({ services }: TaskContext, request: RefreshRequest): Promise<Intent> {
  const history = await services.powerBi.refreshes(request, request.signal);
  const running = history.find(({ state }) => state === "running");
  return {
    known: history.map(({ id }) => id),
    ...(running && { running: running.id }),
  };
}

/** It may take Power BI a while to show a refresh that it has accepted. */
async function endOf(
  { services }: TaskContext,
  request: RefreshRequest,
  { id }: ChosenRefresh,
): Promise<Refresh | undefined> {
  const history = await services.powerBi.refreshes(request, request.signal);
  return history.find((refresh) => refresh.id === id && refresh.state !== "running");
}

function failureOf({ id, state, failure }: Refresh, retryable: boolean): TaskError {
  const why = [failure?.code, failure?.description].filter((part) => part).join(": ");
  return new TaskError(`The refresh ${id} ended ${state}${why === "" ? "" : `: ${why}`}`, {
    code: "POWER_BI_REFRESH_FAILED",
    // A disabled refresh stays disabled.
    retryable: retryable && state !== "disabled",
  });
}

/** Cancels the enhanced refreshes that the rounds have started. Power BI can cancel no other kind. */
async function cancel({ services, stored, log }: CancelContext, parameters: Parameters): Promise<void> {
  if (!isEnhanced(parameters)) {
    log.info("a refresh that is not an enhanced one can't be cancelled: a running one continues to its end");
    return;
  }
  const request = requestOf(parameters, new AbortController().signal);
  for (let number = 1; ; number += 1) {
    const intent = IntentSchema.nullish().parse(await stored(stepNames.intent({ number })));
    if (intent === undefined) return;
    const chosen = ChosenRefreshSchema.nullish().parse(await stored(stepNames.refresh({ number })));
    const started = chosen === undefined && intent ? await attach(services.powerBi, request, intent) : chosen;
    if (started?.isOurs) await cancelOwn(services.powerBi, request, started.id);
    else if (started) log.warn(leftRunning(started.id));
  }
}

function leftRunning(id: string): string {
  return `the refresh ${id} may be another program's: it is left running`;
}
