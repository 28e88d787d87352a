import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFailed, onTestFinished } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { type EmbeddedApp, type EmbeddedOptions, openEmbedded } from "../../src/app/embedded.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import type { BatchView } from "../../src/core/views/views.ts";

/** A folder that goes away with the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "baton-test-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export interface TestAppOptions extends Pick<EmbeddedOptions, "workflows" | "around" | "clock"> {
  readonly data?: string;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A real embedded app on a real file, closed with the test. */
export function testApp(options: TestAppOptions): EmbeddedApp {
  const data = options.data ?? temporaryFolder();
  const configuration = readConfiguration({
    BATON_DATA: data,
    // No machine is so slow that a task outlives it; what is about leases says which.
    BATON_LEASE: "10m",
    BATON_DURABILITY: "normal",
    ...options.environment,
  });
  const { workflows, around, clock } = options;
  const app = openEmbedded({
    configuration,
    logger: createLogger("silent"),
    ...(workflows && { workflows }),
    ...(around && { around }),
    ...(clock && { clock }),
  });
  let closed = false;
  const close = app.close.bind(app);
  const closeOnce = async () => {
    if (closed) return;
    closed = true;
    await close();
  };
  onTestFinished(closeOnce);
  return { ...app, close: closeOnce };
}

/** Starts a batch, works until it has ended, and gives what `baton show` would. */
export async function runToEnd(
  app: EmbeddedApp,
  workflowId: string,
  input?: BatchView["input"],
): Promise<BatchView> {
  const { batchId } = await app.engine.start({
    kind: "start",
    workflowId,
    ...(input !== undefined && { input }),
  });
  app.work.start();
  return untilEnded(app, batchId);
}

/** Waits for as long as the test may run; then the app is closed, and says so. */
export async function untilEnded(app: EmbeddedApp, batchId: string): Promise<BatchView> {
  let view = await app.engine.admin.show(batchId);
  onTestFailed(() => {
    if (view.status !== "RUNNING") return;
    process.stderr.write(`Batch ${batchId} did not end: ${JSON.stringify(view.tasks, null, 1)}\n`);
  });
  while (view.status === "RUNNING") {
    await new Promise((resolve) => setTimeout(resolve, 10));
    view = await app.engine.admin.show(batchId);
  }
  return view;
}

export function statuses(view: BatchView): Record<string, string> {
  return Object.fromEntries(
    view.tasks.map((task) => [task.taskId, task.reason ? `${task.status} ${task.reason}` : task.status]),
  );
}
