import { limits } from "./limits.ts";
import type { StoredResult } from "./stored.ts";

/** The beginning of a result, for lists. */
export function shortResult(result: StoredResult | null): string {
  if (result === null) return "";
  if (!("value" in result)) return `${result.bytes} bytes in ${result.bucket}/${result.object}`;
  const text = JSON.stringify(result.value);
  const most = limits.shownResultCharacters;
  return text.length <= most ? text : `${text.slice(0, most)}…`;
}
