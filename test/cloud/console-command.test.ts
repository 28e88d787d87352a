import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { type FaultPlan, noFaults } from "../servers/kit/faults.ts";
import { type Running, until, Workplace } from "../support/command.ts";
import { Browser } from "../support/console-browser.ts";
import { FunctionProcess, freePort } from "./function-process.ts";
import { startCloud } from "./world.ts";

const workflows = fileURLToPath(new URL("workflows", import.meta.url));

/** `baton console` in a process of its own, beside a deployed function, with none of the function's secrets. */
async function consoleOfCloud(faults: FaultPlan = noFaults) {
  const port = await freePort();
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${port}` });
  onTestFinished(() => cloud.close());
  const fn = new FunctionProcess(port, { ...cloud.environment, BATON_WORKFLOWS: workflows });
  onTestFinished(() => fn.kill());
  await fn.start();
  cloud.setFaults(faults);
  const {
    BATON_CALLBACK_SECRET: _secret,
    BATON_SERVICE_ACCOUNT: _account,
    ...environment
  } = cloud.environment;
  const place = new Workplace({}, { ...environment, BATON_WORKFLOWS: workflows });
  const running = place.spawn(["console", "--port", "0", "--json"]);
  return { cloud, place, running, ...(await signedIn(running)) };
}

async function signedIn(running: Running) {
  await running.saysOut("}");
  const { url, console: address } = JSON.parse(running.stdout);
  const browser = new Browser(url);
  const path = String(address).slice(String(url).length);
  expect(await browser.get(path)).toMatchObject({ status: 200 });
  return { url: String(url), path, browser };
}

test("a deployment in a browser: what runs there is shown, and a form starts and retries batches there", async () => {
  const { browser, place, running } = await consoleOfCloud();
  expect((await browser.get("/")).text).toContain("baton in test-project");
  const failed = await place.baton(["run", "failing", "--input", "null", "--json"]);
  const { token = "" } = await browser.form(`/b/${failed.json.batchId}`, "retry");
  const started = await browser.post("/do/run", { token, workflowId: "failing", input: "null" });
  expect(started.status).toBe(303);
  const batch = String(started.headers.location).split("?", 1)[0] ?? "";
  await until(async () => (await browser.get(batch)).text.includes('action="/do/retry"'));
  const again = await browser.post("/do/retry", await browser.form(batch, "retry"));
  expect(again.status).toBe(303);
  const retry = String(again.headers.location).split("?", 1)[0] ?? "";
  expect(retry).not.toBe(batch);
  await until(async () => (await browser.get(retry)).text.includes('action="/do/retry"'));
  const { list } = await place.baton(["batches", "--json"]);
  expect(list.map(({ status }) => status)).toEqual(["ERROR", "ERROR", "ERROR"]);
  running.signal("SIGTERM");
  expect((await running.ended).code).toBe(0);
});

test("only this machine, and only who has the token: nothing else is answered, and no message is taken", async () => {
  const { cloud, browser, running, url, path } = await consoleOfCloud();
  const stranger = new Browser(url);
  expect((await stranger.get("/")).status).toBe(401);
  expect((await stranger.get(path)).status).toBe(401);
  await running.saysError("A browser signed in. For another one: ");
  expect((await browser.get("/", { host: "baton.example" })).status).toBe(403);
  expect(
    (await browser.post("/do/run", { workflowId: "mixed" }, { origin: "https://evil.example" })).status,
  ).toBe(403);
  const message = await fetch(url, { method: "POST", body: '{"workflowId":"mixed","key":"k"}' });
  expect(message.status).toBe(405);
  expect(await message.text()).toContain("the console, which accepts no messages");
  expect(cloud.firestore.dump()).toEqual([]);
  expect(cloud.pubsub.published()).toEqual([]);
});

test("without rights it says so on the terminal and on the page, and works once they are granted", async () => {
  const { cloud, browser, running } = await consoleOfCloud(() => ({ kind: "unauthenticated" }));
  await running.saysError("error STORE_DENIED: ");
  const denied = await browser.get("/b");
  expect(denied.status).toBe(503);
  for (const words of ["STORE_DENIED", "Firestore", "roles/datastore.user", "baton doctor", "Since"])
    expect(denied.text).toContain(words);
  cloud.setFaults(noFaults);
  await until(async () => (await browser.get("/b")).status === 200);
});

test("a store that is gone: the page says which call failed, since when, and baton doctor", async () => {
  const { cloud, browser } = await consoleOfCloud();
  await browser.get("/b");
  cloud.setFaults(() => ({ kind: "error_after" }));
  const gone = await browser.get("/b");
  expect(gone.status).toBe(503);
  const since = /<p>Since .*?<\/p>/s.exec(gone.text)?.[0] ?? "";
  for (const words of ["STORE_FAILED", "Firestore", "baton doctor"]) expect(gone.text).toContain(words);
  const later = await browser.get("/b");
  expect(since).not.toBe("");
  expect(later.text).toContain(since);
});

test("without credentials it says how to log in, and serves nothing", async () => {
  const nowhere = { METADATA_SERVER_DETECTION: "none", HOME: "/nowhere", CLOUDSDK_CONFIG: "/nowhere" };
  const place = new Workplace(
    {},
    { BATON_ENGINE: "gcp", BATON_PROJECT: "p", BATON_BUCKET: "bucket", ...nowhere },
  );
  const { code, stdout, stderr } = await place.process(["console", "--port", "0"]);
  expect(stderr).toContain("CREDENTIALS_MISSING");
  expect(stderr).toContain("gcloud auth application-default login");
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
});
