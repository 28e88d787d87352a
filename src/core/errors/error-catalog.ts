import type { ErrorEntry } from "./error-entry.ts";
import { machineErrors } from "./machine-errors.ts";
import { messageErrors } from "./message-errors.ts";
import { taskErrors } from "./task-errors.ts";

/** Every error a user can meet: its code, what becomes of its message, and what to do about it. */
export const errorCatalog = { ...messageErrors, ...taskErrors, ...machineErrors } as const;

export type ErrorCode = keyof typeof errorCatalog;

/** What to do about an error of this code; undefined for a code of a task's own. */
export function remedyFor(code: string): string | undefined {
  const entries: Readonly<Record<string, ErrorEntry>> = errorCatalog;
  return Object.hasOwn(entries, code) ? entries[code]?.remedy : undefined;
}
