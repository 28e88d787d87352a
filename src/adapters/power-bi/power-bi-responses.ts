import * as z from "zod";
import type { Refresh, RefreshState } from "../../ports/services.ts";

const HistoryEntrySchema = z.object({
  requestId: z.string().optional(),
  refreshId: z.string().optional(),
  refreshType: z.string().default(""),
  status: z.string().default("Unknown"),
  extendedStatus: z.string().nullish(),
  startTime: z.string().nullish(),
  endTime: z.string().nullish(),
  serviceExceptionJson: z.string().nullish(),
});
type HistoryEntry = z.infer<typeof HistoryEntrySchema>;

/** The refresh history of a dataset. Entries without an id can't be identified and are ignored. */
export const HistorySchema = z
  .object({ value: z.array(HistoryEntrySchema) })
  .transform(({ value }): Refresh[] => value.flatMap((entry) => toRefresh(entry) ?? []));

const states: Readonly<Record<string, RefreshState>> = {
  completed: "completed",
  succeeded: "completed",
  failed: "failed",
  timedout: "failed",
  disabled: "disabled",
  cancelled: "cancelled",
  canceled: "cancelled",
  inprogress: "running",
  notstarted: "running",
};

function toRefresh(entry: HistoryEntry): Refresh | undefined {
  const id = entry.requestId ?? entry.refreshId;
  if (id === undefined) return undefined;
  const state = toRefreshState(entry);
  return {
    id,
    state,
    enhanced: entry.refreshType.toLowerCase() === "viaenhancedapi",
    startTime: entry.startTime ?? undefined,
    endTime: entry.endTime ?? undefined,
    failure: state === "failed" ? toRefreshFailure(entry) : undefined,
  };
}

/** Power BI reports a running refresh as `Unknown`. An enhanced refresh has a more exact extended status. */
function toRefreshState({ status, extendedStatus, endTime }: HistoryEntry): RefreshState {
  const state = states[(extendedStatus ?? "").toLowerCase()] ?? states[status.toLowerCase()];
  return state ?? (endTime ? "failed" : "running");
}

const ExceptionSchema = z.object({
  errorCode: z.string().optional(),
  errorDescription: z.string().optional(),
});

/** The exception is usually JSON in a JSON string. */
function toRefreshFailure({
  serviceExceptionJson,
  status,
  extendedStatus,
}: HistoryEntry): Refresh["failure"] {
  const fallback = { code: extendedStatus ?? status, description: serviceExceptionJson ?? undefined };
  if (!serviceExceptionJson) return fallback;
  try {
    const { errorCode, errorDescription } = ExceptionSchema.parse(JSON.parse(serviceExceptionJson));
    return errorCode === undefined ? fallback : { code: errorCode, description: errorDescription };
  } catch {
    return fallback;
  }
}

const RefusalSchema = z.object({
  error: z
    .object({ code: z.string().optional(), message: z.string().optional() })
    .or(z.string().transform((code) => ({ code, message: undefined })))
    .optional(),
  message: z.string().optional(),
});

/** The code and the message of an error response, or its whole body. */
export function errorMessageFromBody(body: string): string {
  try {
    const { error, message } = RefusalSchema.parse(JSON.parse(body));
    const parts = [error?.code, error?.message ?? message].filter((part) => part);
    return parts.length > 0 ? parts.join(": ") : body;
  } catch {
    return body;
  }
}
