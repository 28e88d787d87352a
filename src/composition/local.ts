import type { LogLevel } from "../adapters/pino/logger.ts";
import { BatonError } from "../core/errors.ts";
import type { Logger, LogOutput } from "../ports/logger.ts";
import { readConfiguration } from "./configuration.ts";
import { type EmbeddedApp, openEmbedded } from "./embedded.ts";
import type { RawEnvironment } from "./raw-environment.ts";
import { resolveSecrets } from "./secrets.ts";
import { openWitnesses } from "./tracing/tracing.ts";

export interface LocalApp {
  readonly app: EmbeddedApp;
  readonly logger: Logger;
}

/** Opens the embedded app that the environment names; it logs from the given level on, to standard error by default. */
export async function openLocal(
  environment: RawEnvironment,
  defaultLevel: LogLevel,
  logOutput?: LogOutput,
): Promise<LocalApp> {
  const configuration = readConfiguration(await resolveSecrets(environment));
  if (configuration.engine !== "embedded")
    throw new BatonError("USAGE", "Here the embedded engine runs: unset BATON_ENGINE");
  const { logger, tracer } = openWitnesses(configuration, defaultLevel, logOutput);
  return { app: openEmbedded({ configuration, logger, tracer }), logger };
}
