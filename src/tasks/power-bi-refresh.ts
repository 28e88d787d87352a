import * as z from "zod";
import { TaskError } from "../core/errors/errors.ts";
import { type Duration, DurationSchema } from "../core/values/duration.ts";
import { type JsonObject, JsonObjectSchema } from "../core/values/json.ts";
import type { PowerBi, Refresh, RefreshRequest } from "../ports/services.ts";
import { taskOfType } from "../runtime/task-parameters.ts";
import type { CancelContext, Placeholder, TaskContext, TaskSpec, TaskType } from "../runtime/task-type.ts";
import {
  endRound,
  isRoundOver,
  type Round,
  retryUntilDeadline,
  withAttemptDeadline,
  withRounds,
} from "./poll-schedule.ts";

const text = z.string().min(1);

const PowerBiParametersSchema = z.strictObject({
  dataset: text.describe("Id of the semantic model"),
  workspace: text.describe("Id of its workspace"),
  notifyOption: z
    .enum(["NoNotification", "MailOnCompletion", "MailOnFailure"])
    .default("NoNotification")
    .describe("Who gets an email from Power BI. Default `NoNotification`"),
  type: z
    .enum(["Full", "ClearValues", "Calculate", "DataOnly", "Automatic", "Defragment"])
    .optional()
    .describe("Makes it an enhanced refresh (Premium, Embedded or Fabric), like the three that follow"),
  commitMode: z
    .enum(["Transactional", "PartialBatch"])
    .optional()
    .describe("Whether all of it is kept, or each part that succeeds"),
  retryCount: z.int().min(0).max(10).optional().describe("How often Power BI itself repeats it"),
  objects: z
    .array(z.strictObject({ table: text, partition: text.optional() }))
    .optional()
    .describe("Tables and partitions. Default: all of the model"),
  ifRunning: z
    .enum(["adopt", "wait"])
    .default("adopt")
    .describe("If a refresh already runs: wait for its end only (adopt, default), or start another after it"),
  retryFailed: z
    .boolean()
    .default(false)
    .describe("Whether a failed refresh is retried. Default false: Power BI may allow only eight a day"),
  timeout: DurationSchema.default("2h").describe('How long it may take. Default `"2h"`'),
  every: DurationSchema.default("30s").describe('Time between two polls. Default `"30s"`'),
});
export type Parameters = z.infer<typeof PowerBiParametersSchema>;

/** Whether it is an enhanced refresh: Power BI reports its details and can cancel it. */
function isEnhanced({ type, commitMode, retryCount, objects }: Parameters): boolean {
  return [type, commitMode, retryCount, objects].some((given) => given !== undefined);
}

/** The body of the request, without the options that are not set. */
function refreshOptions(parameters: Parameters): JsonObject {
  const { notifyOption, type, commitMode, retryCount, objects } = parameters;
  return JsonObjectSchema.parse(
    JSON.parse(JSON.stringify({ notifyOption, type, commitMode, retryCount, objects })),
  );
}

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
export function powerBiRefresh(
  parameters: PowerBiRefreshParameters,
): TaskSpec<PowerBiRefreshResult, PowerBiRefreshParameters> {
  return taskOfType(powerBiRefreshType, parameters);
}

/** Stored before a refresh is requested. A refresh that is not listed here started later. `running` is adopted. */
const IntentSchema = z.object({
  known: z.array(z.string()),
  running: z.string().optional(),
});
type Intent = z.infer<typeof IntentSchema>;

/**
 * The refresh that the task waits for. `adopted`: it was running before the task started. `isOurs`: Power BI named it
 * in the answer to our request. No other refresh is cancelled, because another program may have started it.
 */
const ChosenRefreshSchema = z.object({
  id: z.string(),
  adopted: z.boolean(),
  isOurs: z.boolean().default(false),
});
type ChosenRefresh = z.infer<typeof ChosenRefreshSchema>;

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

/**
 * Starts a refresh, or waits for one that is running or has started since the intent was stored. That one may be of an
 * earlier attempt that got no answer, or of another program. In both cases it includes all data written before it.
 */
async function startOrAttach(
  powerBi: PowerBi,
  request: RefreshRequest,
  intent: Intent,
): Promise<ChosenRefresh> {
  if (intent.running !== undefined) return { id: intent.running, adopted: true, isOurs: false };
  const started = await startedSince(powerBi, request, intent);
  if (started) return { id: started.id, adopted: false, isOurs: false };
  const start = await powerBi.start(request);
  if (start.kind === "started" && start.id !== undefined)
    return { id: start.id, adopted: false, isOurs: true };
  const other = await startedSince(powerBi, request, intent);
  if (other) return { id: other.id, adopted: start.kind === "busy", isOurs: false };
  throw new TaskError("A refresh has started that Power BI does not show yet", {
    code: "POWER_BI_UNAVAILABLE",
  });
}

/** A running refresh that started after the intent was stored but was not stored itself; null if there is none. */
async function attach(
  powerBi: PowerBi,
  request: RefreshRequest,
  intent: Intent,
): Promise<ChosenRefresh | null> {
  if (intent.running !== undefined) return null;
  const started = await startedSince(powerBi, request, intent);
  return started?.state === "running" ? { id: started.id, adopted: false, isOurs: false } : null;
}

/** The running one if there is one, else the newest that has ended. */
async function startedSince(
  powerBi: PowerBi,
  { workspace, dataset, signal }: RefreshRequest,
  { known }: Intent,
): Promise<Refresh | undefined> {
  const history = await powerBi.refreshes({ workspace, dataset }, signal);
  const started = history.filter(({ id }) => !known.includes(id));
  return started.find(({ state }) => state === "running") ?? started[0];
}

/** Cancels the refresh that this task has started, if it still runs and Power BI allows it. */
async function cancelOwn(powerBi: PowerBi, request: RefreshRequest, id: string): Promise<void> {
  const history = await powerBi.refreshes(request, request.signal);
  const isRunning = history.some((one) => one.id === id && one.enhanced && one.state === "running");
  if (isRunning) await powerBi.cancel(request, id, request.signal);
}

export interface PowerBiRefreshParameters {
  /** Id of the semantic model ("dataset"). */
  readonly dataset: string;
  /** Id of the workspace ("group"). Service principals have no workspace of their own, so it must be named. */
  readonly workspace: string;
  /** Who gets an email from Power BI. Default `NoNotification`. */
  readonly notifyOption?: "NoNotification" | "MailOnCompletion" | "MailOnFailure";
  /** Makes it an enhanced refresh (Premium, Embedded or Fabric), like the three that follow. */
  readonly type?: "Full" | "ClearValues" | "Calculate" | "DataOnly" | "Automatic" | "Defragment";
  readonly commitMode?: "Transactional" | "PartialBatch";
  readonly retryCount?: number;
  /** Tables and partitions. Default: all of the model. */
  readonly objects?: readonly { readonly table: string; readonly partition?: string }[];
  /**
   * If a refresh is already running: `adopt` (default) uses it; `wait` waits for its end and starts another, which
   * surely includes the data that earlier tasks have written.
   */
  readonly ifRunning?: "adopt" | "wait";
  /** Whether a failed refresh is retried. Default false: Power BI may allow only eight a day. */
  readonly retryFailed?: boolean;
  /** How long it may take. Default `"2h"`. */
  readonly timeout?: Duration | Placeholder;
  /** Time between two polls. Default `"30s"`. */
  readonly every?: Duration | Placeholder;
}
