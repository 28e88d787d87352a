import type { LogLevel } from "../adapters/pino/logger.ts";
import { readConfiguration } from "../configuration/configuration.ts";
import { resolveSecrets, withoutReferences } from "../configuration/secrets.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import type { Logger, LogOutput } from "../ports/telemetry.ts";
import { createTelemetry } from "../telemetry/telemetry.ts";
import type { App } from "./app.ts";

export interface OpenedApp {
  readonly app: App;
  readonly logger: Logger;
}

export interface OpenOptions {
  /** Default log level; `BATON_LOG_LEVEL` overrides it. */
  readonly level: LogLevel;
  /** Whether it accepts messages. That needs more configuration than reading. */
  readonly serves: boolean;
  /** Whether to create a missing data folder. Default true. */
  readonly creates?: boolean;
  /** Default: standard error. */
  readonly logOutput?: LogOutput | undefined;
}

/** Opens the app that `BATON_ENGINE` selects, and loads only its modules. */
export async function openApp(
  environment: RawEnvironment,
  { level, serves, creates = true, logOutput }: OpenOptions,
): Promise<OpenedApp> {
  const configuration = readConfiguration(await withSecrets(environment, serves), { serves });
  const { logger, tracer } = createTelemetry(configuration, level, logOutput);
  if (configuration.engine === "gcp") {
    const { openCloud } = await import("./cloud.ts");
    return { app: openCloud({ configuration, logger, tracer }), logger };
  }
  const { openEmbedded } = await import("./embedded.ts");
  return { app: openEmbedded({ configuration, logger, tracer, creates }), logger };
}

/** Opens the app for a command of `baton`. Throws `CREDENTIALS_MISSING` before the first call to Google. */
export async function openForCommand(
  environment: RawEnvironment,
  options: Required<Pick<OpenOptions, "creates" | "logOutput">>,
): Promise<OpenedApp> {
  const isOnGoogle = environment.BATON_ENGINE === "gcp" && !environment.FIRESTORE_EMULATOR_HOST;
  // Errors of the configuration are reported first.
  if (isOnGoogle) readConfiguration(withoutReferences(environment));
  if (isOnGoogle) await assertCredentials();
  return openApp(environment, { level: "error", serves: false, ...options });
}

/** A command that only reads a deployment needs neither its secrets nor the permission to read them. */
async function withSecrets(environment: RawEnvironment, serves: boolean): Promise<RawEnvironment> {
  const onlyReads = !serves && environment.BATON_ENGINE === "gcp";
  return onlyReads ? withoutReferences(environment) : resolveSecrets(environment);
}

/** Without credentials, Google's clients fail late, repeatedly, and where the error can't be caught. */
async function assertCredentials(): Promise<void> {
  const { GoogleCredentials } = await import("../adapters/remote/google-credentials.ts");
  await new GoogleCredentials().headers().catch((cause: unknown) => {
    throw new BatonError("CREDENTIALS_MISSING", errorMessage(cause), { cause });
  });
}
