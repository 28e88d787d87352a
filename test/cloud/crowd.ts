import { readFileSync } from "node:fs";
import { expect, onTestFailed } from "vitest";
import type { App } from "../../src/app/app.ts";
import type { BatchView } from "../../src/core/views/views.ts";

/** What the tasks of each workflow come to, whatever happens to messages and processes. */
const endings: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  mixed: {
    first: "SUCCESS",
    left: "SUCCESS",
    right: "SUCCESS",
    flaky: "SUCCESS",
    sleeper: "SUCCESS",
    join: "SUCCESS",
    last: "SUCCESS",
  },
  failing: {
    first: "SUCCESS",
    fails: "ERROR",
    skipped: "SKIPPED upstream_failed",
    beside: "SUCCESS",
    anyway: "SUCCESS",
  },
  keyed: { work: "SUCCESS" },
};

export interface Crowd {
  readonly batchIds: readonly string[];
}

/** Starts `each` batches of every workflow. Every second keyed batch has the input of the one before it. */
export async function startCrowd(app: App, each: number): Promise<Crowd> {
  const batchIds: string[] = [];
  for (const workflowId of Object.keys(endings))
    for (let n = 0; n < each; n += 1) {
      const input = { n: Math.floor(n / 2) };
      const key = `${workflowId} ${n}`;
      const { batchId } = await app.engine.start({ kind: "start", workflowId, input, key });
      batchIds.push(batchId);
    }
  return { batchIds };
}

/** Sweeps every so often, as Cloud Scheduler does, until all batches have ended. */
export async function untilEnded(app: App, { batchIds }: Crowd, sweepMs: number): Promise<BatchView[]> {
  let sweptAt = 0;
  let lastOpen: readonly BatchView[] = [];
  onTestFailed(() => void process.stderr.write(`Still running: ${JSON.stringify(lastOpen, null, 1)}\n`));
  for (;;) {
    const open = await stillRunning(app, batchIds);
    if (open.length === 0) break;
    lastOpen = open;
    if (Date.now() - sweptAt > sweepMs) {
      sweptAt = Date.now();
      await app.engine.sweep().catch(() => undefined);
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  return Promise.all(batchIds.map((batchId) => app.engine.admin.show(batchId)));
}

async function stillRunning(app: App, batchIds: readonly string[]): Promise<BatchView[]> {
  const views = await Promise.all(
    batchIds.map((batchId) => app.engine.admin.show(batchId).catch(() => undefined)),
  );
  return views.filter((view) => view !== undefined).filter(({ status }) => status === "RUNNING");
}

/** Every batch ended as it should, task by task. */
export function expectEndings(views: readonly BatchView[]): void {
  for (const { workflowId, status, tasks } of views) {
    expect(status).toBe(workflowId === "failing" ? "ERROR" : "SUCCESS");
    const found = tasks.map(({ taskId, status: ended, reason }) => [
      taskId,
      ended === "SKIPPED" ? `${ended} ${reason}` : ended,
    ]);
    expect(Object.fromEntries(found)).toEqual(endings[workflowId]);
  }
}

/** How often each attempt of each task was run: `batch task attempt`. */
export function runsIn(effects: string): Map<string, number> {
  const lines = readFileSync(effects, "utf8").split("\n").filter(Boolean);
  const runs = new Map<string, number>();
  for (const line of lines) runs.set(line, (runs.get(line) ?? 0) + 1);
  return runs;
}
