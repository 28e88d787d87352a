import type { ErrorEntry } from "./error-entry.ts";
import { machineErrors } from "./machine-errors.ts";
import { messageErrors } from "./message-errors.ts";
import { taskErrors } from "./task-errors.ts";

/** Every error that a user can meet, by its code, with its remedy and with what happens to the message. */
export const errorCatalog = { ...messageErrors, ...taskErrors, ...machineErrors } as const;

export type ErrorCode = keyof typeof errorCatalog;

/** The remedy for an error code. Undefined for a code that a task's own code made up. */
export function remedyFor(code: string): string | undefined {
  const entries: Readonly<Record<string, ErrorEntry>> = errorCatalog;
  return Object.hasOwn(entries, code) ? entries[code]?.remedy : undefined;
}
