import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../support/app.ts";
import { FunctionProcess, freePort } from "./function-process.ts";
import { careful, rejects, throws } from "./workflows/stray.ts";
import { startCloud } from "./world.ts";

async function deployed() {
  const port = await freePort();
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}`, lease: "11m" });
  onTestFinished(() => cloud.close());
  const folder = temporaryFolder();
  const fn = new FunctionProcess(port, {
    ...cloud.environment,
    BATON_DATA: folder,
    BATON_WORKFLOWS: fileURLToPath(new URL("workflows", import.meta.url)),
    BATON_LOG_LEVEL: "warn",
  });
  onTestFinished(() => fn.kill());
  await fn.start();
  const app = cloud.open([careful, rejects, throws]);
  const start = async (workflowId: string) => (await app.engine.start({ kind: "start", workflowId })).batchId;
  const task = async (batchId: string) => (await app.engine.admin.show(batchId)).tasks[0];
  return { fn, folder, start, task };
}

test("an error that a task leaves behind ends neither the instance nor the work of others", async () => {
  const { fn, folder, start, task } = await deployed();
  const { pid } = fn;
  const other = await start("careful");
  await expect.poll(async () => (await task(other))?.status).toBe("PROCESSING");
  const rejected = await start("rejects");
  await expect.poll(async () => (await task(rejected))?.status).toBe("SUCCESS");
  expect((await task(rejected))?.report.warnings).toEqual([expect.stringContaining("forgotten")]);
  const thrown = await start("throws");
  await expect.poll(async () => (await task(thrown))?.status).toBe("ERROR");
  expect((await task(thrown))?.error).toMatchObject({
    code: "TASK_ERROR_UNCAUGHT",
    message: expect.stringContaining("thrown"),
  });
  writeFileSync(`${folder}/gate`, "");
  await expect.poll(async () => (await task(other))?.status).toBe("SUCCESS");
  expect(await task(other)).toMatchObject({ attempts: 1, result: 1 });
  expect(fn.pid).toBe(pid);
  expect(fn.output).not.toContain("Uncaught exception");
});

test("an exception of unknown origin ends the instance in good order: its work is released", async () => {
  const { fn, folder, start, task } = await deployed();
  const other = await start("careful");
  await expect.poll(async () => (await task(other))?.status).toBe("PROCESSING");
  writeFileSync(`${folder}/throw`, "");
  expect(await fn.ended()).toBe(1);
  expect(fn.output).toMatch(/"severity":"ERROR".*an exception of unknown origin/);
  expect(await task(other)).toMatchObject({ status: "WAITING", reason: "released", attempts: 1 });
});
