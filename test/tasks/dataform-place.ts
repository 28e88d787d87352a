import { onTestFinished } from "vitest";
import { dataform as dataformTask, workflow } from "../../src/index.ts";
import type { DataformParameters } from "../../src/tasks/dataform-parameters.ts";
import {
  type DataformServer,
  type DataformServerOptions,
  startDataformServer,
} from "../servers/dataform/server.ts";
import { runToEnd } from "../support/app.ts";
import { onlyTask, remoteApp } from "./remote-app.ts";

export const repository = "projects/shop/locations/europe-west1/repositories/sales";

export async function dataformServer(options: DataformServerOptions = {}): Promise<DataformServer> {
  const server = await startDataformServer(options);
  onTestFinished(() => server.close());
  return server;
}

/** A server and an app whose only task is that of Dataform. */
export async function place(
  given: Partial<DataformParameters> = {},
  options: DataformServerOptions = {},
  policies: object = {},
) {
  const server = await dataformServer(options);
  const { compilationResult, workspace, releaseConfig } = given;
  const isGiven = [compilationResult, workspace, releaseConfig].some((source) => source !== undefined);
  const source = isGiven ? {} : { gitCommitish: "main" };
  const task = dataformTask({ repository, ...source, every: "10ms", timeout: "30s", ...given });
  const flow = workflow("flow").task("summarise", task, { retry: { initial: "10ms" }, ...policies });
  const app = remoteApp({ workflows: [flow], environment: { BATON_DATAFORM_ENDPOINT: server.url } });
  return { server, app, run: async () => onlyTask(await runToEnd(app, "flow")) };
}
