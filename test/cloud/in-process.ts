import { onTestFinished } from "vitest";
import type { App } from "../../src/app/app.ts";
import { createHttpHandler } from "../../src/entry/http-handler.ts";
import { serveHttp } from "../../src/entry/http-server.ts";
import type { Logger } from "../../src/ports/telemetry.ts";
import type { BuiltWorkflow } from "../../src/workflow/workflow.ts";
import { freePort } from "./function-process.ts";
import { type CloudOptions, type CloudWorld, startCloud } from "./world.ts";

export interface CloudInProcess extends CloudWorld {
  readonly app: App;
  readonly url: string;
  /** Starts a batch and waits until nothing is under way any more; gives its id. */
  run(workflowId: string, key?: string): Promise<string>;
}

/** The function in this process, with the given workflows, on the local servers. */
export async function cloudInProcess(
  workflows: readonly BuiltWorkflow[],
  options: Omit<CloudOptions, "pushUrl"> = {},
  logger?: Logger,
): Promise<CloudInProcess> {
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const cloud = await startCloud({ ...options, pushUrl: url });
  const app = cloud.open(workflows, logger);
  const server = await serveHttp(createHttpHandler(app.deliveries, { ...silent, ...logger }, app.trust), {
    port,
    host: "127.0.0.1",
  });
  onTestFinished(async () => {
    await server.close();
    await cloud.close();
  });
  return {
    ...cloud,
    app,
    url,
    async run(workflowId, key) {
      const { batchId } = await app.engine.start({ kind: "start", workflowId, ...(key && { key }) });
      await cloud.idle();
      return batchId;
    },
  };
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
