import { createLogger, type LogLevel } from "../adapters/pino/logger.ts";
import type { Logger } from "../ports/logger.ts";
import { readConfiguration } from "./configuration.ts";
import { type EmbeddedApp, openEmbedded } from "./embedded.ts";

export interface LocalApp {
  readonly app: EmbeddedApp;
  readonly logger: Logger;
}

/** Opens the embedded app that the environment names; it logs to standard error from the given level on. */
export function openLocal(
  environment: Readonly<Record<string, string | undefined>>,
  defaultLevel: LogLevel,
): LocalApp {
  const configuration = readConfiguration(environment);
  const logger = createLogger(configuration.logLevel ?? defaultLevel);
  return { app: openEmbedded({ configuration, logger }), logger };
}
