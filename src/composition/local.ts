import type { LogLevel } from "../adapters/pino/logger.ts";
import { BatonError } from "../core/errors.ts";
import type { Logger } from "../ports/logger.ts";
import { readConfiguration } from "./configuration.ts";
import { type EmbeddedApp, openEmbedded } from "./embedded.ts";
import type { RawEnvironment } from "./raw-environment.ts";
import { resolveSecrets } from "./secrets.ts";
import { openWitnesses } from "./tracing/tracing.ts";

export interface LocalApp {
  readonly app: EmbeddedApp;
  readonly logger: Logger;
}

/** Opens the embedded app that the environment names; it logs to standard error from the given level on. */
export async function openLocal(environment: RawEnvironment, defaultLevel: LogLevel): Promise<LocalApp> {
  const configuration = readConfiguration(await resolveSecrets(environment));
  if (configuration.engine !== "embedded")
    throw new BatonError("USAGE", "Here the embedded engine runs: unset BATON_ENGINE");
  const { logger, tracer } = openWitnesses(configuration, defaultLevel);
  return { app: openEmbedded({ configuration, logger, tracer }), logger };
}
