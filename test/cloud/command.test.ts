import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { Workplace } from "../support/command.ts";
import { FunctionProcess, freePort } from "./function-process.ts";
import { startCloud } from "./world.ts";

const workflows = fileURLToPath(new URL("workflows", import.meta.url));

/** The command on a developer's machine, and the function that it talks to through Google's services alone. */
async function deployed() {
  const port = await freePort();
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}` });
  onTestFinished(() => cloud.close());
  const fn = new FunctionProcess(port, { ...cloud.environment, BATON_WORKFLOWS: workflows });
  onTestFinished(() => fn.kill());
  await fn.start();
  // The caller has his own permissions, and none of the function's secrets.
  const {
    BATON_CALLBACK_SECRET: _secret,
    BATON_SERVICE_ACCOUNT: _account,
    ...environment
  } = cloud.environment;
  const place = new Workplace({}, { ...environment, BATON_WORKFLOWS: workflows });
  return { cloud, place };
}

test("run: the function does the work, the command reports it", async () => {
  const { place } = await deployed();
  const { code, stdout, stderr } = await place.baton(["run", "mixed", "--input", "null"]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  expect(stdout).toMatch(/join\s+SUCCESS/);
  const failing = await place.baton(["run", "failing", "--input", "null", "--json"]);
  expect(failing.code).toBe(1);
  expect(failing.json).toMatchObject({ status: "ERROR" });
  const again = await place.baton(["retry", failing.json.batchId, "--json"]);
  expect(again).toMatchObject({ code: 1, json: { status: "ERROR", run: 2 } });
  const batches = await place.baton(["batches", "--json"]);
  expect(batches.list.map(({ workflowId, status }) => `${workflowId} ${status}`).sort()).toEqual([
    "failing ERROR",
    "failing ERROR",
    "mixed SUCCESS",
  ]);
});

test("publish, show, cancel, and dead letters that are seen and replayed", async () => {
  const { cloud, place } = await deployed();
  const wrong = ["publish", '{"workflowId":"unknown","key":"k"}'];
  const refused = await place.baton(wrong);
  expect(refused).toMatchObject({ code: 2, stderr: expect.stringContaining("error WORKFLOW_UNKNOWN") });
  const published = await place.baton([...wrong, "--unchecked"]);
  expect(published).toMatchObject({ code: 0, stdout: expect.stringContaining("The deployed function") });
  await cloud.idle();
  const letters = await place.baton(["dead-letters", "--json"]);
  expect(letters.list).toMatchObject([{ code: "WORKFLOW_UNKNOWN" }]);
  const [letter] = letters.list;
  const deadLetterId = String(letter && "deadLetterId" in letter && letter.deadLetterId);
  const again = await place.baton(["replay", deadLetterId]);
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining("error WORKFLOW_UNKNOWN") });
  const replayed = await place.baton(["replay", deadLetterId, "--unchecked"]);
  expect(replayed).toMatchObject({
    code: 0,
    stdout: expect.stringContaining("The deployed function handles it."),
  });
  expect(replayed.stdout).not.toContain("baton start");
  const started = await place.baton(["run", "mixed", "--input", "null", "--detach", "--json"]);
  const cancelled = await place.baton(["cancel", started.json.batchId, "--json"]);
  expect(cancelled.code).toBe(0);
  const shown = await place.baton(["show", started.json.batchId, "--json"]);
  expect(shown.stderr).toBe("");
  expect(["CANCELLED", "SUCCESS"]).toContain(shown.json.status);
  const unknown = await place.baton(["show", "nothing-there"]);
  expect(unknown.stderr).toContain("BATCH_UNKNOWN");
  expect(unknown.code).toBe(2);
});

test("what belongs to the embedded engine says so", async () => {
  const { place } = await deployed();
  const start = await place.baton(["start"]);
  expect(start.stderr).toContain("unset BATON_ENGINE");
  expect(start.code).toBe(2);
});

test("every variable that is missing or wrong is named, at once, before anything is reached", async () => {
  const place = new Workplace({}, { BATON_ENGINE: "gcp", BATON_LEASE: "soon", BATON_CALLERS: "a@b.c" });
  const { code, stderr } = await place.baton(["batches"]);
  expect(code).toBe(2);
  for (const name of ["BATON_PROJECT", "BATON_BUCKET", "BATON_LEASE"]) expect(stderr).toContain(name);
  const fn = new FunctionProcess(await freePort(), { BATON_ENGINE: "gcp", BATON_CALLERS: "a@b.c" });
  await expect(fn.start()).rejects.toThrow("ended with 1");
  for (const name of [
    "BATON_PROJECT",
    "BATON_BUCKET",
    "BATON_LOCATION",
    "BATON_CALLBACK_SECRET",
    "BATON_SERVICE_ACCOUNT",
    "BATON_AUDIENCE",
  ])
    expect(fn.output).toContain(name);
});

test("without credentials a command says how to log in", async () => {
  const place = new Workplace(
    {},
    {
      BATON_ENGINE: "gcp",
      BATON_PROJECT: "p",
      BATON_BUCKET: "bucket",
      METADATA_SERVER_DETECTION: "none",
      HOME: "/nowhere",
      CLOUDSDK_CONFIG: "/nowhere",
    },
  );
  const { code, stderr } = await place.baton(["batches"]);
  expect(stderr).toContain("CREDENTIALS_MISSING");
  expect(stderr).toContain("gcloud auth application-default login");
  expect(code).toBe(2);
});
