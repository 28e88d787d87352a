import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { text } from "node:stream/consumers";
import { expect, test } from "vitest";
import { collections } from "../../src/core/records.ts";
import { workflow } from "../../src/index.ts";
import { type CloudInProcess, cloudInProcess } from "./in-process.ts";

const large = "x".repeat(200_000);

const searched = workflow("searched")
  .task("find", async ({ step }) => ({ name: await step("look up", () => "Ada"), large }))
  .task("keep", async ({ step }) => await step("write", () => large), {
    after: ["find"],
    idempotency: { key: { fields: ["person"] } },
  })
  .task("ask", ({ step }) => step.waitForEvent("answer", { timeout: "1d" }), { after: ["keep"] })
  .task("fail", () => Promise.reject(new Error("Ada is not known")), {
    after: ["ask"],
    retry: { maxAttempts: 1 },
  });

async function forget(
  { environment }: CloudInProcess,
  ...parameters: string[]
): Promise<{ code: number | null; out: string; err: string }> {
  const child = spawn(process.execPath, ["scripts/forget.js", ...parameters], {
    env: { ...process.env, ...environment },
  });
  const [out, err] = await Promise.all([text(child.stdout), text(child.stderr)]);
  if (child.exitCode === null) await new Promise((resolve) => child.once("exit", resolve));
  return { code: child.exitCode, out, err };
}

/** A batch that waits for its answer. */
async function waiting({ app, pubsub }: CloudInProcess, key: string): Promise<string> {
  const { batchId } = await app.engine.start({
    kind: "start",
    workflowId: "searched",
    key,
    input: { person: key },
  });
  await pubsub.idle();
  return batchId;
}

/** A batch that failed, and its retry, which failed as well. */
async function twice(cloud: CloudInProcess): Promise<readonly string[]> {
  const { app, pubsub } = cloud;
  const first = await waiting(cloud, "one");
  await app.engine.receiveEvent({ kind: "event", batchId: first, event: "answer", payload: large });
  await pubsub.idle();
  const { batchId } = await app.engine.retry(first);
  await pubsub.idle();
  return [first, batchId];
}

test("everything that the database has of a batch and its retries is deleted, and nothing else", async () => {
  const cloud = await cloudInProcess([searched]);
  const other = await waiting(cloud, "other");
  const before = cloud.firestore.dump();
  const [first = "", second = ""] = await twice(cloud);
  const told = await forget(cloud, second);
  expect(told).toMatchObject({ code: 0, err: "" });
  expect(told.out).toMatch(/ would be deleted: --delete/);
  expect(told.out).toMatch(/^executions\//m);
  expect(told.out).toMatch(/'gs:\/\/test-bucket\/results\/steps\/[0-9a-f]{64}\..*\.json'/);
  for (const id of [first, second]) expect(told.out).toContain(`'gs://test-bucket/results/${id}/**'`);
  const held = cloud.firestore.dump();
  expect(held.length).toBeGreaterThan(before.length + 8);
  expect(await forget(cloud, first, "--delete")).toMatchObject({ code: 0, err: "" });
  const left = cloud.firestore.dump();
  expect(JSON.stringify(left)).not.toContain(first);
  expect(JSON.stringify(left)).not.toContain(second);
  const untouched = left.map(({ path }) => path);
  for (const { path } of before) expect(untouched).toContain(path);
  expect((await cloud.app.engine.show(other)).status).toBe("RUNNING");
});

test("a batch that runs is not taken away under its tasks", async () => {
  const cloud = await cloudInProcess([searched]);
  const batchId = await waiting(cloud, "one");
  const before = cloud.firestore.dump();
  expect(await forget(cloud, batchId, "--delete")).toMatchObject({
    code: 1,
    err: expect.stringContaining(`Cancel them first: ${batchId}`),
  });
  expect(cloud.firestore.dump()).toEqual(before);
  expect((await forget(cloud, "unknown", "--delete")).code).toBe(1);
  expect((await forget(cloud)).code).toBe(2);
});

test("no collection is forgotten: each is searched, or has nothing of a batch", () => {
  const script = readFileSync("scripts/forget.js", "utf8");
  // Dead letters are of no batch, and are told of in docs/operations.md.
  const others = ["definitions", "workflows", "schedules", "deadLetters"];
  const searched = Object.keys(collections).filter((name) => script.includes(`"${name}"`));
  expect([...searched, ...others].sort()).toEqual(Object.keys(collections).sort());
});

test("help is shown, and an option that there is not deletes nothing", async () => {
  const cloud = await cloudInProcess([searched]);
  const batchId = await waiting(cloud, "one");
  await cloud.app.engine.cancel(batchId);
  const help = await forget(cloud, "--help");
  expect(help).toMatchObject({ code: 0, err: "" });
  expect(help.out).toContain("npx node scripts/forget.js <batchId> [--delete]");
  const mistyped = await forget(cloud, batchId, "--delete", "--dry-run");
  expect(mistyped).toMatchObject({ code: 2, out: "" });
  expect(mistyped.err).toContain("There is no option --dry-run");
  expect(await cloud.app.engine.status(batchId)).toMatchObject({ status: "CANCELLED" });
});
