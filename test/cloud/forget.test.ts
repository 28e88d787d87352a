import { expect, test } from "vitest";
import { workflow } from "../../src/index.ts";
import { failure } from "../servers/kit/http-server.ts";
import { Workplace } from "../support/command.ts";
import { type CloudInProcess, cloudInProcess } from "./in-process.ts";

const large = "x".repeat(200_000);
const bucket = "test-bucket";

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

/** The operator's command: without the function's secret, account and audience. */
function commandFor({ environment }: CloudInProcess) {
  const {
    BATON_CALLBACK_SECRET: _secret,
    BATON_SERVICE_ACCOUNT: _account,
    BATON_LOCATION: _location,
    ...own
  } = environment;
  const place = new Workplace({}, own);
  return (...parameters: string[]) => place.baton(["forget", ...parameters]);
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

async function letterFor({ app }: CloudInProcess, batchId: string): Promise<void> {
  const body = { event: "answer", batchId, payload: large.repeat(2) };
  const data = Buffer.from(JSON.stringify(body)).toString("base64");
  await app.engine.deadLetters.keep(Buffer.from(JSON.stringify({ message: { data } })), {
    code: "BODY_NOT_AN_EVENT",
    message: "It can't be handled",
    source: "http",
  });
}

/** Names of the documents, and of all contents of objects that the bucket still has. */
function stored({ firestore, storage }: CloudInProcess): string[] {
  const objects = storage.versions(bucket).map(({ name, generation }) => `${name}#${generation}`);
  return [...firestore.dump().map(({ path }) => path), ...objects].sort();
}

test("all that the database and the bucket have of a batch and its retries is deleted, and nothing else", async () => {
  const cloud = await cloudInProcess([searched]);
  const forget = commandFor(cloud);
  const other = await waiting(cloud, "other");
  await letterFor(cloud, other);
  const before = stored(cloud);
  const [first = "", second = ""] = await twice(cloud);
  await letterFor(cloud, first);
  // What was written over is kept for a month.
  const [written] = cloud.storage
    .objects(bucket)
    .filter(({ name }) => String(name).includes(`${first}/find`));
  cloud.storage.put(bucket, String(written?.name), "written over");
  const full = stored(cloud);

  const plan = await forget(second);
  expect(plan).toMatchObject({ code: 0, stderr: expect.stringContaining("ended less than a day ago") });
  expect(plan.stdout).toContain(`batch ${first} ERROR, run 1\nbatch ${second} ERROR, run 2\n`);
  expect(plan.stdout).toMatch(/^TaskLogs +8$/m);
  expect(plan.stdout).toContain("\n  searched/keep?person=one\n");
  expect(plan.stdout).toContain("seven days of point-in-time recovery");
  expect(plan.stdout).toContain(`Nothing is deleted. To delete it: baton forget ${second} --delete`);
  expect(stored(cloud)).toEqual(full);

  const deleted = await forget(second, "--delete", "--json");
  expect(deleted).toMatchObject({
    code: 0,
    json: {
      batchId: second,
      deleted: true,
      batches: [{ batchId: first }, { batchId: second }],
      documents: { batches: 2, taskLogs: 8, events: 1, completions: 0, keys: 1, deadLetters: 1 },
      keys: [{ key: "searched/keep?person=one", fate: "deleted" }],
      notReached: { elsewhere: expect.arrayContaining([expect.stringContaining("backups")]) },
    },
  });
  expect(stored(cloud)).toEqual(before);
  expect(JSON.stringify(cloud.firestore.dump())).not.toMatch(new RegExp(`${first}|${second}`));
  expect((await cloud.app.engine.admin.show(other)).status).toBe("RUNNING");
  expect(await forget(first, "--delete")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining(`error BATCH_UNKNOWN: There is no batch ${first}`),
  });
});

test("a batch that runs is not taken away under its tasks", async () => {
  const cloud = await cloudInProcess([searched]);
  const forget = commandFor(cloud);
  const batchId = await waiting(cloud, "one");
  const before = cloud.firestore.dump();
  const refused = await forget(batchId, "--delete", "--json");
  expect(refused).toMatchObject({
    code: 1,
    json: {
      error: { code: "BATCH_NOT_FINISHED", remedy: "Wait until the batch has ended, or cancel it first." },
    },
  });
  expect(cloud.firestore.dump()).toEqual(before);
});

test("an object that can't be deleted ends it before the documents that name it are gone", async () => {
  const cloud = await cloudInProcess([searched]);
  const forget = commandFor(cloud);
  const before = stored(cloud);
  const batchId = await waiting(cloud, "one");
  await cloud.app.engine.cancel(batchId);
  await cloud.pubsub.idle();
  cloud.storage.setRefusals(({ method }) =>
    method === "DELETE" ? failure(403, "No delete access", "forbidden") : undefined,
  );
  const refused = await forget(batchId, "--delete");
  expect(refused.stderr).toContain("error FILE_DENIED");
  expect(refused.code).toBe(1);
  expect((await cloud.app.engine.admin.show(batchId)).tasks).toHaveLength(4);
  cloud.storage.setRefusals(undefined);
  expect((await forget(batchId, "--delete")).code).toBe(0);
  expect(stored(cloud).filter((name) => !name.startsWith("definitions/"))).toEqual(before);
});
