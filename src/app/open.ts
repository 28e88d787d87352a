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
  /** Logs from this level on, unless the environment says otherwise. */
  readonly level: LogLevel;
  /** It is to take messages: then more has to be configured than to look at what there is. */
  readonly serves: boolean;
  /** Whether to make the data folder where there is none. Default true. */
  readonly creates?: boolean;
  /** Where it logs. Default standard error. */
  readonly logOutput?: LogOutput | undefined;
}

/** Opens the app that the environment names, loading no other. */
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

/** Opens it for a command, which is told at once when there are no credentials. Throws `CREDENTIALS_MISSING` as well. */
export async function openForCommand(
  environment: RawEnvironment,
  options: Required<Pick<OpenOptions, "creates" | "logOutput">>,
): Promise<App> {
  const isOnGoogle = environment.BATON_ENGINE === "gcp" && !environment.FIRESTORE_EMULATOR_HOST;
  // What is missing of the configuration comes first.
  if (isOnGoogle) readConfiguration(withoutReferences(environment));
  if (isOnGoogle) await requireCredentials();
  return (await openApp(environment, { level: "error", serves: false, ...options })).app;
}

/** Whoever only looks at a deployment needs none of its secrets, nor the right to read them. */
async function withSecrets(environment: RawEnvironment, serves: boolean): Promise<RawEnvironment> {
  const onlyLooks = !serves && environment.BATON_ENGINE === "gcp";
  return onlyLooks ? withoutReferences(environment) : resolveSecrets(environment);
}

/** Without credentials, Google's clients fail late, several times, and where nobody can catch it. */
async function requireCredentials(): Promise<void> {
  const { GoogleCredentials } = await import("../adapters/remote/google-credentials.ts");
  await new GoogleCredentials().headers().catch((cause: unknown) => {
    throw new BatonError("CREDENTIALS_MISSING", errorMessage(cause), { cause });
  });
}
