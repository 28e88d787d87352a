import * as z from "zod";
import { type JsonObject, JsonObjectSchema } from "../core/json.ts";

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
