import type { JsonValue } from "../core/json.ts";

export type LogFields = { readonly [name: string]: JsonValue | undefined };

/** Structured log. Fields never hold secrets or whole payloads. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}
