import * as z from "zod";
import { TaskError } from "../core/errors/errors.ts";
import { type JsonObject, JsonObjectSchema } from "../core/values/json.ts";
import type { PowerBi, Refresh, RefreshRequest } from "../ports/services.ts";

/** Stored before a refresh is requested. A refresh that is not listed here started later. `running` is adopted. */
export const IntentSchema = z.object({
  known: z.array(z.string()),
  running: z.string().optional(),
});
export type Intent = z.infer<typeof IntentSchema>;

/**
 * The refresh that the task waits for. `adopted`: it was running before the task started. `isOurs`: Power BI named it
 * in the answer to our request. No other refresh is cancelled, because another program may have started it.
 */
export const ChosenRefreshSchema = z.object({
  id: z.string(),
  adopted: z.boolean(),
  isOurs: z.boolean().default(false),
});
export type ChosenRefresh = z.infer<typeof ChosenRefreshSchema>;

/**
 * Starts a refresh, or waits for one that is running or has started since the intent was stored. That one may be of an
 * earlier attempt that got no answer, or of another program. In both cases it includes all data written before it.
 */
export async function startOrAttach(
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
export async function attach(
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
export async function cancelOwn(powerBi: PowerBi, request: RefreshRequest, id: string): Promise<void> {
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
  readonly timeout?: string;
  /** Time between two polls. Default `"30s"`. */
  readonly every?: string;
}

const text = z.string().min(1);

export const PowerBiParametersSchema = z.strictObject({
  dataset: text,
  workspace: text,
  notifyOption: z.enum(["NoNotification", "MailOnCompletion", "MailOnFailure"]).default("NoNotification"),
  type: z.enum(["Full", "ClearValues", "Calculate", "DataOnly", "Automatic", "Defragment"]).optional(),
  commitMode: z.enum(["Transactional", "PartialBatch"]).optional(),
  retryCount: z.int().min(0).max(10).optional(),
  objects: z.array(z.strictObject({ table: text, partition: text.optional() })).optional(),
  ifRunning: z.enum(["adopt", "wait"]).default("adopt"),
  retryFailed: z.boolean().default(false),
  timeout: z.string().default("2h"),
  every: z.string().default("30s"),
});
export type Parameters = z.infer<typeof PowerBiParametersSchema>;

/** Whether it is an enhanced refresh: Power BI reports its details and can cancel it. */
export function isEnhanced({ type, commitMode, retryCount, objects }: Parameters): boolean {
  return [type, commitMode, retryCount, objects].some((given) => given !== undefined);
}

/** The body of the request, without the options that are not set. */
export function refreshOptions(parameters: Parameters): JsonObject {
  const { notifyOption, type, commitMode, retryCount, objects } = parameters;
  return JsonObjectSchema.parse(
    JSON.parse(JSON.stringify({ notifyOption, type, commitMode, retryCount, objects })),
  );
}
