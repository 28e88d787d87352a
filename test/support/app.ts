import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { readConfiguration } from "../../src/composition/configuration.ts";
import { type EmbeddedApp, type EmbeddedOptions, openEmbedded } from "../../src/composition/embedded.ts";
import type { BatchView } from "../../src/core/views.ts";

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
    BATON_LEASE: "2s",
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

export async function untilEnded(app: EmbeddedApp, batchId: string, withinMs = 30_000): Promise<BatchView> {
  const deadline = Date.now() + withinMs;
  for (;;) {
    const view = await app.engine.show(batchId);
    if (view.status !== "RUNNING") return view;
    if (Date.now() > deadline) throw new Error(`Batch did not end: ${JSON.stringify(view.tasks, null, 1)}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export function statuses(view: BatchView): Record<string, string> {
  return Object.fromEntries(
    view.tasks.map((task) => [task.taskId, task.reason ? `${task.status} ${task.reason}` : task.status]),
  );
}
