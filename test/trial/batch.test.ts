import { expect, test } from "vitest";
import { archiveFile, loadFile, runQuery, workflow } from "../../src/index.ts";
import { cloudInProcess } from "../cloud/in-process.ts";
import { inboxBucket, resultBucket } from "../cloud/world.ts";

/** The variables that name another server: `npm run trial:emulators` says more. */
const names = [
  "FIRESTORE_EMULATOR_HOST",
  "PUBSUB_EMULATOR_HOST",
  "BATON_PUBSUB_ENDPOINT",
  "CLOUD_TASKS_EMULATOR_HOST",
  "STORAGE_EMULATOR_HOST",
  "BIGQUERY_EMULATOR_HOST",
];
const outside = Object.fromEntries(
  names.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value]];
  }),
);

/** Those of Pub/Sub's emulator bear no token of ours. */
const trust = outside.PUBSUB_EMULATOR_HOST === undefined ? {} : { BATON_AUDIENCE: "", BATON_CALLERS: "" };

const file = { bucket: "inbox", object: "orders.csv" };
const flow = workflow("trial")
  .task("write", async ({ services }) => {
    await services.objects.write(file, Buffer.from("id,n\n1,10\n2,20\n"), "text/csv");
    return "x".repeat(400_000);
  })
  .task("load", loadFile({ table: "orders", file, mode: "replace" }), { after: ["write"] })
  .task("sum", runQuery({ sql: "SELECT sum(n) AS n FROM orders", into: "sums" }), {
    after: ["load"],
  })
  .task("flaky", ({ attempt }) => (attempt === 1 ? Promise.reject(new Error("not yet")) : attempt), {
    after: ["write"],
    retry: { initial: "1s" },
  })
  .task("read", async ({ parent }) => String(await parent("write")).length, { after: ["write"] })
  .task("archive", archiveFile({ file, to: "archive/" }), { after: ["load"] });

async function makeBucket(storage: string, name: string): Promise<void> {
  const response = await fetch(`${storage}/storage/v1/b?project=test-project`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });
  if (!response.ok && response.status !== 409) throw new Error(`${name}: ${response.status}`);
}

test.runIf(Object.keys(outside).length > 0)(
  "a batch runs to its end on the servers that are named",
  async () => {
    const { STORAGE_EMULATOR_HOST: storage } = outside;
    if (storage) for (const name of [inboxBucket, resultBucket]) await makeBucket(storage, name);
    const cloud = await cloudInProcess([flow], {
      variables: { ...outside, ...trust },
      lease: "60s",
      bigQuery: true,
    });
    const { batchId } = await cloud.app.engine.start({ kind: "start", workflowId: "trial" });
    await expect
      .poll(async () => (await cloud.app.engine.admin.show(batchId)).status, {
        timeout: 120_000,
        interval: 500,
      })
      .not.toBe("RUNNING");
    const { status, tasks } = await cloud.app.engine.admin.show(batchId);
    const ended = Object.fromEntries(tasks.map((task) => [task.taskId, task.error?.message ?? task.status]));
    expect({ status, ...ended }).toEqual({
      status: "SUCCESS",
      write: "SUCCESS",
      load: "SUCCESS",
      sum: "SUCCESS",
      flaky: "SUCCESS",
      read: "SUCCESS",
      archive: "SUCCESS",
    });
    expect(tasks.find(({ taskId }) => taskId === "read")?.result).toBe(400_000);
  },
);
