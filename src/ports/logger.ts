import type { JsonValue } from "../core/json.ts";

/** An error is written with the whole of its reason, and where it was thrown. */
export type LogFields = { readonly [name: string]: JsonValue | Error | undefined };

/** Structured log. Fields never hold secrets or whole payloads. */
export interface Logger {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
}

/** Takes lines of the log. */
export interface LogOutput {
  write(line: string): void;
}
