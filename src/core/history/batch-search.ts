import { limits } from "../limits.ts";
import type { JsonObject, JsonValue } from "../values/json.ts";

/** What starts batches. */
export const triggers = ["manual", "key", "schedule", "file", "retry"] as const;
export type TriggerKind = (typeof triggers)[number];

/** What started a batch, by the `startedBy` of its record. Undefined if that is not known. */
function triggerOf({ startedBy }: { readonly startedBy?: JsonValue }): TriggerKind | undefined {
  if (typeof startedBy !== "string") return undefined;
  if (startedBy === "manual") return "manual";
  if (startedBy.startsWith("key ")) return "key";
  if (startedBy.startsWith("schedule ")) return "schedule";
  return startedBy.startsWith("retry of ") ? "retry" : "file";
}

/** The string by which batches with this field in their input are found. */
export function inputToken(field: string, value: string): string {
  return `${field}=${value}`;
}

/** One for each field of the input, at most `limits.searchedFields`, whose value is a short text, number or boolean. */
function inputTokens({ input }: { readonly input?: JsonValue }): string[] {
  if (typeof input !== "object" || input === null || Array.isArray(input)) return [];
  const tokens: string[] = [];
  for (const [field, value] of Object.entries(input)) {
    if (tokens.length === limits.searchedFields) break;
    if (value === null || typeof value === "object") continue;
    const token = inputToken(field, String(value));
    if (token.length <= limits.searchedFieldCharacters) tokens.push(token);
  }
  return tokens;
}

/** How the batches are listed: by these times, for one workflow or for all, and restricted by these fields. */
export const batchLists = {
  times: ["createdAt", "endedAt"],
  fixedTimes: ["createdAt"],
  group: "workflowId",
  filters: ["status", "trigger"],
  tokens: "inputs",
  derive: {
    trigger: (data: JsonObject) => triggerOf(data),
    inputs: (data: JsonObject) => inputTokens(data),
  },
} as const;
