import type { LogLevel } from "../adapters/pino/logger.ts";
import { systemClock } from "../adapters/system/system.ts";
import { readConfiguration } from "../configuration/configuration.ts";
import { resolveSecrets } from "../configuration/secrets.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { createHttpHandler } from "../entry/http-handler.ts";
import { serveHttp } from "../entry/http-server.ts";
import { refuseOtherHosts } from "../entry/own-host.ts";
import type { Clock } from "../ports/machine.ts";
import type { PageHandler } from "../ports/pages.ts";
import type { Logger, LogOutput } from "../ports/telemetry.ts";
import { createTelemetry } from "../telemetry/telemetry.ts";
import type { FolderCatalog } from "../workflow/catalog.ts";
import { type EmbeddedApp, openEmbedded } from "./embedded.ts";

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

/**
 * Starts the HTTP entry, the inbox and the worker. Throws `PORT_IN_USE`, `INBOX_MISSING`, `CONFIGURATION_INVALID`; then
 * none of them is left running.
 */
export async function startLocalServer(
  { app, logger }: LocalApp,
  address: { readonly port: number; readonly host: string },
  pages?: PageHandler,
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
  const stopReloading = reloadWorkflows(app.folder, systemClock, logger);
  return {
    url: service.url,
    async stop() {
      stopReloading();
      await Promise.all([service.close(), app.inbox.stop(), app.work.stop()]);
    },
  };
}

/**
 * Reloads workflow files that change while the server runs, and the modules that they import. Running tasks keep the
 * code they started with. Returns a function that stops it.
 */
function reloadWorkflows(folder: FolderCatalog, clock: Clock, logger: Logger): () => void {
  let cancel = () => {};
  let isStopped = false;
  let lastProblem: string | undefined;
  folder.follow(({ workflows, problems }) => {
    logger.info("workflow files changed and were reloaded", { workflows: [...workflows.keys()] });
    for (const { code, where, message } of problems)
      logger.error("a workflow file has a problem; its previous workflows stay in use", {
        code,
        where,
        error: message,
      });
  });
  const check = async () => {
    try {
      await folder.look();
      lastProblem = undefined;
    } catch (error) {
      const problem = errorMessage(error);
      if (problem !== lastProblem)
        logger.error("the workflow files can't be read; the loaded workflows stay in use", {
          error: problem,
        });
      lastProblem = problem;
    }
    if (!isStopped) cancel = clock.after(limits.workflowScanSeconds * 1_000, () => void check());
  };
  void check();
  return () => {
    isStopped = true;
    cancel();
  };
}
