import { fileURLToPath } from "node:url";
import { expect, expectTypeOf, onTestFinished, test } from "vitest";
import { createClient, type JsonValue } from "../../src/index.ts";
import { FunctionProcess, freePort } from "./function-process.ts";
import { failing, mixed, slow } from "./workflows/shapes.ts";
import { startCloud } from "./world.ts";

const workflows = fileURLToPath(new URL("workflows", import.meta.url));

/** A client on a developer's machine, and the function that it reaches through Google's services alone. */
async function deployedClient() {
  const port = await freePort();
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}` });
  onTestFinished(() => cloud.close());
  const fn = new FunctionProcess(port, { ...cloud.environment, BATON_WORKFLOWS: workflows });
  onTestFinished(() => fn.kill());
  await fn.start();
  // A caller has none of the function's secrets.
  const {
    BATON_CALLBACK_SECRET: _secret,
    BATON_SERVICE_ACCOUNT: _account,
    ...environment
  } = cloud.environment;
  const client = await createClient({ environment: { ...environment, BATON_WORKFLOWS: workflows } });
  onTestFinished(() => client.close());
  const atWork = createClient({ environment, work: true });
  await expect(atWork).rejects.toMatchObject({ code: "USAGE", message: expect.stringContaining("function") });
  return client;
}

test("a client of the cloud engine starts batches that the function runs", async () => {
  const client = await deployedClient();
  const batch = await client.start(mixed, undefined, { key: "once" });
  const results = await batch.result();
  expectTypeOf(results).toHaveProperty("join");
  expect(await batch.status()).toMatchObject({ workflowId: "mixed", status: "SUCCESS" });
  const same = await client.start("mixed", null, { key: "once" });
  expectTypeOf(await same.result()).toEqualTypeOf<Readonly<Record<string, JsonValue | null>>>();
  expect(same.batchId).toBe(batch.batchId);
  expect(await same.result()).toEqual(results);
});

test("errors of the cloud engine have their codes, and the function cancels", async () => {
  const client = await deployedClient();
  const failed = await client.start(failing);
  await expect(failed.result()).rejects.toMatchObject({
    code: "BATCH_FAILED",
    details: { batchId: failed.batchId },
  });
  await expect(client.start("nothing")).rejects.toMatchObject({ code: "WORKFLOW_UNKNOWN" });
  await expect(client.batch("nowhere").event("paid")).rejects.toMatchObject({ code: "BATCH_UNKNOWN" });
  const long = await client.start(slow);
  expect(await long.cancel()).toMatchObject({ status: "CANCELLED" });
  await expect(long.result()).rejects.toMatchObject({ code: "BATCH_CANCELLED" });
  await client.close();
  await expect(client.batch(long.batchId).status()).rejects.toMatchObject({ code: "CLIENT_CLOSED" });
});
