import type { LogLevel } from "../adapters/pino/logger.ts";
import { systemClock } from "../adapters/system/system.ts";
import { readConfiguration } from "../configuration/configuration.ts";
import { resolveSecrets } from "../configuration/secrets.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { createHttpHandler } from "../entry/http-handler.ts";
import { serveHttp } from "../entry/http-server.ts";
import { refuseOtherHosts } from "../entry/own-host.ts";
import type { PageHandler } from "../ports/pages.ts";
import type { Logger, LogOutput } from "../ports/telemetry.ts";
import { createTelemetry } from "../telemetry/telemetry.ts";
import { type EmbeddedApp, openEmbedded } from "./embedded.ts";
import { type ReloadOptions, reloadLog, reloadWorkflows } from "./reload-workflows.ts";

/** Serves pages alone: for a console without a server of messages. */
export { servePages } from "../entry/page-server.ts";

export interface LocalApp {
  readonly app: EmbeddedApp;
  readonly logger: Logger;
}

/** Opens the embedded app of the environment. Throws `CONFIGURATION_INVALID`, `USAGE` for another engine. */
export async function openLocal(
  environment: RawEnvironment,
  defaultLevel: LogLevel,
  logOutput?: LogOutput,
): Promise<LocalApp> {
  const configuration = readConfiguration(await resolveSecrets(environment));
  if (configuration.engine !== "embedded")
    throw new BatonError("USAGE", "This command runs the embedded engine: unset BATON_ENGINE");
  const { logger, tracer } = createTelemetry(configuration, defaultLevel, logOutput);
  return { app: openEmbedded({ configuration, logger, tracer }), logger };
}

export interface LocalServer {
  readonly url: string;
  /** Accepts no new work, and waits for running work within `limits.shutdownSeconds`. The app stays open. */
  stop(): Promise<void>;
}

interface ServerOptions {
  /** Answers requests for pages. */
  readonly pages?: PageHandler | undefined;
  /** Default: every second, reported to the log. */
  readonly reload?: ReloadOptions | undefined;
}

/**
 * Starts the HTTP entry, the inbox and the worker. Throws `PORT_IN_USE`, `INBOX_MISSING`, `CONFIGURATION_INVALID`; then
 * none of them is left running.
 */
export async function startLocalServer(
  { app, logger }: LocalApp,
  address: { readonly port: number; readonly host: string },
  { pages, reload }: ServerOptions = {},
): Promise<LocalServer> {
  const messages = refuseOtherHosts(createHttpHandler(app.deliveries, logger), address.host);
  const service = await serveHttp(messages, { ...address, pages });
  try {
    await app.inbox.start();
  } catch (error) {
    await service.close();
    throw error;
  }
  app.work.start();
  const stopReloading = reloadWorkflows(
    app.folder,
    systemClock,
    reload ?? { scanMs: limits.workflowScanSeconds * 1_000, report: reloadLog(logger) },
  );
  return {
    url: service.url,
    async stop() {
      stopReloading();
      await Promise.all([service.close(), app.inbox.stop(), app.work.stop()]);
    },
  };
}
