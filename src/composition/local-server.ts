import { systemClock } from "../adapters/system/clock.ts";
import { createHttpHandler } from "../entry/http-handler.ts";
import { serveHttp } from "../entry/serve.ts";
import { followWorkflows } from "./follow-workflows.ts";
import type { LocalApp } from "./local.ts";

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
