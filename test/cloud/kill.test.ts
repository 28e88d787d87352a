import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { randomFaults } from "../servers/kit/faults.ts";
import { temporaryFolder } from "../support/app.ts";
import { triesAllCases } from "../support/cases-of-today.ts";
import { seeded } from "../support/chaos.ts";
import { expectEndings, runsIn, startCrowd, untilEnded } from "./crowd.ts";
import { FunctionProcess, freePort } from "./function-process.ts";
import * as shapes from "./workflows/shapes.ts";
import { startCloud } from "./world.ts";

/** Batches of each workflow. */
const batches = triesAllCases ? 8 : 1;
const workflowsFolder = fileURLToPath(new URL("workflows", import.meta.url));

/** The function in processes of its own, one after the other on one port. */
async function deployed() {
  const port = await freePort();
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}` });
  onTestFinished(() => cloud.close());
  const folder = temporaryFolder();
  const effects = `${folder}/effects.txt`;
  writeFileSync(effects, "");
  const fn = new FunctionProcess(port, {
    ...cloud.environment,
    BATON_DATA: folder,
    BATON_WORKFLOWS: workflowsFolder,
    BATON_LOG_LEVEL: "warn",
    TEST_EFFECTS: effects,
  });
  onTestFinished(() => fn.kill());
  const app = cloud.open(Object.values(shapes));
  return { cloud, app, fn, effects };
}

test("with messages doubled and out of order, every batch ends right, and no attempt runs twice", async () => {
  const { cloud, app, fn, effects } = await deployed();
  cloud.pubsub.setDelivery({ duplicateShare: 1, reorder: true });
  await fn.start();
  const crowd = await startCrowd(app, batches);
  expectEndings(await untilEnded(app, crowd, 5_000));
  const repeated = [...runsIn(effects)].filter(([run, times]) => times > (run.includes(" sleeper ") ? 2 : 1));
  expect(repeated).toEqual([]);
  expect(fn.output).not.toContain('"severity":"ERROR"');
});

test("with 2 % of all calls failing in each of five ways, every batch ends right", async () => {
  const { cloud, app, fn } = await deployed();
  await fn.start();
  const crowd = await startCrowd(app, batches);
  cloud.setFaults(randomFaults(0.02, 7));
  expectEndings(await untilEnded(app, crowd, 5_000));
});

test("with the function killed every second, every batch ends right", async () => {
  const { cloud, app, fn, effects } = await deployed();
  await fn.start();
  const crowd = await startCrowd(app, batches);
  const random = seeded(3);
  const kills = triesAllCases ? 8 : 2;
  for (let kill = 0; kill < kills; kill += 1) {
    await new Promise((resolve) => setTimeout(resolve, 600 + random() * 800));
    await fn.kill();
    cloud.passLeases();
    await fn.start();
  }
  expectEndings(await untilEnded(app, crowd, 2_000));
  // A run may have been lost with its process, but none is done under a number that another run has had.
  const repeated = [...runsIn(effects)].filter(([run, times]) => times > 1 && !run.includes(" sleeper "));
  expect(repeated).toEqual([]);
});

test("a function that is stopped releases its tasks: they need not wait for the lease to end", async () => {
  const { app, fn, effects } = await deployed();
  await fn.start();
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "slow", input: { n: 0 } });
  await expect.poll(() => runsIn(effects).size).toBe(1);
  expect(await fn.stop()).toBe(0);
  await fn.start();
  await expect.poll(async () => (await app.engine.admin.status(batchId)).status).toBe("SUCCESS");
});
