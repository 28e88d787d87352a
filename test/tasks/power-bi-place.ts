import { onTestFinished } from "vitest";
import { powerBiRefresh, workflow } from "../../src/index.ts";
import type { PowerBiRefreshParameters } from "../../src/tasks/power-bi-refresh.ts";
import {
  type PowerBiServer,
  type PowerBiServerOptions,
  startPowerBiServer,
} from "../servers/power-bi/server.ts";
import { runToEnd } from "../support/app.ts";
import { onlyTask, remoteApp } from "./remote-app.ts";

export const workspace = "f089354e-8366-4e18-aea3-4cb4a3a50b48";
export const dataset = "cfafbeb1-8037-4d0c-896e-a46fb27ff229";
export const principal = { tenantId: "contoso", clientId: "baton", clientSecret: "hush~hush.very-secret" };

export async function powerBiServer(options: Partial<PowerBiServerOptions> = {}): Promise<PowerBiServer> {
  const server = await startPowerBiServer({ principal, workspace, dataset, ...options });
  onTestFinished(() => server.close());
  return server;
}

export function variables(server: PowerBiServer, clientSecret = principal.clientSecret) {
  return {
    BATON_POWERBI_TENANT_ID: principal.tenantId,
    BATON_POWERBI_CLIENT_ID: principal.clientId,
    BATON_POWERBI_CLIENT_SECRET: clientSecret,
    BATON_POWERBI_ENDPOINT: server.url,
    BATON_POWERBI_AUTHORITY: server.url,
  };
}

/** A server and an app whose only task is a refresh. */
export async function place(
  given: Partial<PowerBiRefreshParameters> = {},
  options: Partial<PowerBiServerOptions> = {},
  policies: object = {},
) {
  const server = await powerBiServer(options);
  const task = powerBiRefresh({ workspace, dataset, every: "10ms", timeout: "30s", ...given });
  const flow = workflow("flow").task("report", task, { retry: { initial: "10ms" }, ...policies });
  const app = remoteApp({ workflows: [flow], environment: variables(server) });
  return { server, app, run: async () => onlyTask(await runToEnd(app, "flow")) };
}
