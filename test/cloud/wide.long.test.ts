import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { temporaryFolder } from "../support/app.ts";
import { seeded } from "../support/chaos.ts";
import { runsIn } from "./crowd.ts";
import { FunctionProcess, freePort } from "./function-process.ts";
import { startCloud } from "./world.ts";

/**
 * Wide enough for a join that is counted in parts and a fan-out that takes several messages. `BATON_TEST_WIDTH=10000`
 * and
 * `BATON_TEST_WIDE_KILLS=20` take some minutes.
 */
const width = Number(process.env.BATON_TEST_WIDTH ?? 1_200);
const kills = Number(process.env.BATON_TEST_WIDE_KILLS ?? 2);

test.each(["inward", "outward-and-inward"])(
  "%s: no task of very many is lost or done twice, though the function is killed again and again",
  async (workflowId) => {
    const port = await freePort();
    const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}` });
    onTestFinished(() => cloud.close());
    const folder = temporaryFolder();
    const effects = `${folder}/effects.txt`;
    writeFileSync(effects, "");
    const fn = new FunctionProcess(port, {
      ...cloud.environment,
      BATON_DATA: folder,
      BATON_WORKFLOWS: fileURLToPath(new URL("workflows", import.meta.url)),
      BATON_LOG_LEVEL: "warn",
      TEST_EFFECTS: effects,
      TEST_WIDTH: String(width),
    });
    onTestFinished(() => fn.kill());
    await fn.start();
    const headers = { authorization: `Bearer ${await cloud.pushToken()}` };
    const answer = await fetch(fn.url, {
      method: "POST",
      headers: { ...headers, "content-type": "application/json" },
      body: JSON.stringify({ workflowId, key: "once" }),
    });
    expect(answer.status).toBe(200);
    const { batchId } = JSON.parse(await answer.text());
    const app = cloud.open([]);
    const random = seeded(5);
    for (let kill = 0; kill < kills; kill += 1) {
      await new Promise((resolve) => setTimeout(resolve, 300 + random() * 1_500));
      await fn.kill();
      cloud.passLeases();
      await fn.start();
    }
    let sweptAt = Date.now();
    while ((await app.engine.admin.status(batchId)).status === "RUNNING") {
      if (Date.now() - sweptAt > 10_000) {
        sweptAt = Date.now();
        await app.engine.sweep();
      }
      await new Promise((resolve) => setTimeout(resolve, 500));
    }
    const { status, tasks } = await app.engine.admin.show(batchId);
    expect(status).toBe("SUCCESS");
    expect(tasks.filter((task) => task.status !== "SUCCESS")).toEqual([]);
    const runs = runsIn(effects);
    // Whatever waits for all of them ran after all of them.
    const order = [...runs.keys()].map((run) => run.split(" ")[1]);
    expect(order.slice(order.indexOf("last")).every((taskId) => taskId === "last")).toBe(true);
    expect([...runs].filter(([, times]) => times > 1)).toEqual([]);
    // Only what was under way when a process died ran again, under the next number.
    expect(runs.size).toBeGreaterThanOrEqual(tasks.length);
    expect(runs.size).toBeLessThanOrEqual(tasks.length + (kills + 1) * 200);
  },
  600_000,
);
