import type { LogLevel } from "../adapters/pino/logger.ts";
import { systemClock } from "../adapters/system/system.ts";
import { readConfiguration } from "../configuration/configuration.ts";
import { resolveSecrets } from "../configuration/secrets.ts";
import type { RawEnvironment } from "../configuration/variables.ts";
import { BatonError, errorMessage } from "../core/errors/errors.ts";
import { limits } from "../core/limits.ts";
import { createHttpHandler } from "../entry/http-handler.ts";
import { serveHttp } from "../entry/serve.ts";
import type { Clock } from "../ports/machine.ts";
import type { Logger, LogOutput } from "../ports/telemetry.ts";
import { createTelemetry } from "../telemetry/telemetry.ts";
import type { FolderCatalog } from "../workflow/catalog.ts";
import { type EmbeddedApp, openEmbedded } from "./embedded.ts";

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
  const { logger, tracer } = createTelemetry(configuration, defaultLevel, logOutput);
  return { app: openEmbedded({ configuration, logger, tracer }), logger };
}

export interface LocalServer {
  readonly url: string;
  /** Takes nothing new, lets what runs finish within the limits of a shutdown, and stops. The app stays open. */
  stop(): Promise<void>;
}

/**
 * Begins everything a server does: HTTP entry, inbox, tasks. Throws `PORT_IN_USE`, `INBOX_MISSING`,
 * `CONFIGURATION_INVALID`; then nothing is left running.
 */
export async function startLocalServer(
  { app, logger }: LocalApp,
  address: { readonly port: number; readonly host: string },
): Promise<LocalServer> {
  const service = await serveHttp(createHttpHandler(app.deliveries, logger), address);
  try {
    await app.inbox.start();
  } catch (error) {
    await service.close();
    throw error;
  }
  app.work.start();
  const unfollow = followWorkflows(app.folder, systemClock, logger);
  return {
    url: service.url,
    async stop() {
      unfollow();
      await Promise.all([service.close(), app.inbox.stop(), app.work.stop()]);
    },
  };
}

/**
 * Has a server see workflow files that change while it runs, and modules that they import. Tasks that run go on with
 * the code they began with; those that begin have the new one. Gives how to end it.
 */
function followWorkflows(folder: FolderCatalog, clock: Clock, logger: Logger): () => void {
  let cancel = () => {};
  let isFollowing = true;
  let told: string | undefined;
  folder.follow(({ workflows, problems }) => {
    logger.info("workflow files have changed and were loaded again", { workflows: [...workflows.keys()] });
    for (const { code, where, message } of problems)
      logger.error("a workflow file has a problem; its former workflows stay in use", {
        code,
        where,
        error: message,
      });
  });
  const look = async () => {
    try {
      await folder.look();
      told = undefined;
    } catch (error) {
      const problem = errorMessage(error);
      if (problem !== told)
        logger.error("the workflow files can't be read; the loaded ones stay in use", {
          error: problem,
        });
      told = problem;
    }
    if (isFollowing) cancel = clock.after(limits.workflowLookSeconds * 1_000, () => void look());
  };
  void look();
  return () => {
    isFollowing = false;
    cancel();
  };
}
