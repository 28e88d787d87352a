import * as z from "zod";
import { TaskError } from "../core/errors/errors.ts";
import { type JsonObject, JsonObjectSchema } from "../core/values/json.ts";
import type { PowerBi, Refresh, RefreshRequest } from "../ports/services.ts";

/** Stored before a refresh is asked for: whatever is not among these began afterwards. `running` is adopted as it is. */
export const IntentSchema = z.object({
  known: z.array(z.string()),
  running: z.string().optional(),
});
export type Intent = z.infer<typeof IntentSchema>;

/**
 * The refresh that is waited for. `adopted`: it was running before the task came. `isOurs`: Power BI named it in its
 * answer to our own request. No other refresh is cancelled, because another program may have started it.
 */
export const ChosenSchema = z.object({
  id: z.string(),
  adopted: z.boolean(),
  isOurs: z.boolean().default(false),
});
export type Chosen = z.infer<typeof ChosenSchema>;

/**
 * Starts a refresh, or waits for one that runs or that has begun since the intent was stored. That may be one that an
 * earlier try started without getting the answer, or one of another program. Either way it sees all data written
 * before it.
 */
export async function startOrAttach(
  powerBi: PowerBi,
  request: RefreshRequest,
  intent: Intent,
): Promise<Chosen> {
  if (intent.running !== undefined) return { id: intent.running, adopted: true, isOurs: false };
  const begun = await begunSince(powerBi, request, intent);
  if (begun) return { id: begun.id, adopted: false, isOurs: false };
  const start = await powerBi.start(request);
  if (start.kind === "started" && start.id !== undefined)
    return { id: start.id, adopted: false, isOurs: true };
  const other = await begunSince(powerBi, request, intent);
  if (other) return { id: other.id, adopted: start.kind === "busy", isOurs: false };
  throw new TaskError("A refresh has started that Power BI does not show yet", {
    code: "POWER_BI_UNAVAILABLE",
  });
}

/** What runs that was begun after the intent was stored, without that having been stored; null: nothing. */
export async function attach(
  powerBi: PowerBi,
  request: RefreshRequest,
  intent: Intent,
): Promise<Chosen | null> {
  if (intent.running !== undefined) return null;
  const begun = await begunSince(powerBi, request, intent);
  return begun?.state === "running" ? { id: begun.id, adopted: false, isOurs: false } : null;
}

/** The one that runs before those that have ended, and the newest of them. */
async function begunSince(
  powerBi: PowerBi,
  { workspace, dataset, signal }: RefreshRequest,
  { known }: Intent,
): Promise<Refresh | undefined> {
  const history = await powerBi.refreshes({ workspace, dataset }, signal);
  const begun = history.filter(({ id }) => !known.includes(id));
  return begun.find(({ state }) => state === "running") ?? begun[0];
}

/** Cancels what this task has started and still runs, if Power BI lets it. */
export async function cancelOwn(powerBi: PowerBi, request: RefreshRequest, id: string): Promise<void> {
  const history = await powerBi.refreshes(request, request.signal);
  const isRunning = history.some((one) => one.id === id && one.enhanced && one.state === "running");
  if (isRunning) await powerBi.cancel(request, id, request.signal);
}

export interface PowerBiRefreshParameters {
  /** Id of the semantic model ("dataset"). */
  readonly dataset: string;
  /** Id of the workspace ("group"). Service principals have no workspace of their own, so it has to be named. */
  readonly workspace: string;
  /** Whom Power BI writes to. Default `NoNotification`. */
  readonly notifyOption?: "NoNotification" | "MailOnCompletion" | "MailOnFailure";
  /** Makes it an enhanced refresh (Premium, Embedded or Fabric), like the three that follow. */
  readonly type?: "Full" | "ClearValues" | "Calculate" | "DataOnly" | "Automatic" | "Defragment";
  readonly commitMode?: "Transactional" | "PartialBatch";
  readonly retryCount?: number;
  /** Tables and partitions. Default: all of the model. */
  readonly objects?: readonly { readonly table: string; readonly partition?: string }[];
  /**
   * When a refresh is running already: `adopt` (default) takes it for this one; `wait` waits for its end and starts
   * another, so that what the tasks before have written is surely in it.
   */
  readonly ifRunning?: "adopt" | "wait";
  /** Whether a refresh that failed is worth another attempt. Default false: there may be eight a day. */
  readonly retryFailed?: boolean;
  /** How long it may take. Default `"2h"`. */
  readonly timeout?: string;
  /** Time between two looks. Default `"30s"`. */
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

/** Whether Power BI gives details of it, and lets it be cancelled. */
export function isEnhanced({ type, commitMode, retryCount, objects }: Parameters): boolean {
  return [type, commitMode, retryCount, objects].some((given) => given !== undefined);
}

/** The body of the request; what is not given is left out. */
export function refreshOptions(parameters: Parameters): JsonObject {
  const { notifyOption, type, commitMode, retryCount, objects } = parameters;
  return JsonObjectSchema.parse(
    JSON.parse(JSON.stringify({ notifyOption, type, commitMode, retryCount, objects })),
  );
}
