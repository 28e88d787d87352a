import { expect, onTestFinished, test } from "vitest";
import { createLogger } from "../../src/adapters/pino/logger.ts";
import { openCloud } from "../../src/app/cloud.ts";
import { requestCancel } from "../../src/cli/commands/batches.ts";
import type { Session } from "../../src/cli/session.ts";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { workflow } from "../../src/index.ts";
import { temporaryFolder } from "../support/app.ts";
import { Workplace } from "../support/command.ts";
import { freePort } from "./function-process.ts";
import { type CloudWorld, startCloud } from "./world.ts";

const plain = workflow("plain").task("first", () => 1);

/** A batch of a deployment whose function is stopped, and the operator's command. */
async function withoutFunction() {
  const cloud = await startCloud({ pushUrl: `http://127.0.0.1:${await freePort()}` });
  onTestFinished(() => cloud.close());
  const app = cloud.open([plain]);
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "plain", key: "one" });
  const {
    BATON_CALLBACK_SECRET: _secret,
    BATON_SERVICE_ACCOUNT: _account,
    ...environment
  } = cloud.environment;
  return { cloud, app, batchId, place: new Workplace({}, environment) };
}

/** Whether the request is in its topic. */
function isAsked({ pubsub }: CloudWorld): boolean {
  const control = pubsub.subscriptions().find(({ name }) => name.endsWith("/baton-control-push"));
  return control !== undefined && control.queued + control.waiting + control.inFlight > 0;
}

/** Another database, in which the same batch runs. */
async function restoredDatabase({ environment }: CloudWorld) {
  const restored = { ...environment, BATON_DATABASE: "baton-restored" };
  const configuration = readConfiguration({ ...restored, BATON_DATA: temporaryFolder() });
  const app = openCloud({ configuration, logger: createLogger("silent"), workflows: [plain] });
  onTestFinished(() => app.close());
  await app.engine.start({ kind: "start", workflowId: "plain", key: "one" });
  return { app, place: new Workplace({}, restored) };
}

test("the runbook of a restored database: with the function stopped, running batches are cancelled here", async () => {
  const { cloud, app: old, batchId } = await withoutFunction();
  const { app, place } = await restoredDatabase(cloud);
  const running = await place.baton(["batches", "--status", "RUNNING", "--limit", "1000", "--json"]);
  expect(running.list).toMatchObject([{ batchId, status: "RUNNING" }]);
  const cancelled = await place.baton(["cancel", batchId, "--here", "--json"]);
  expect(cancelled).toMatchObject({ code: 0, stderr: "", json: { batchId, status: "CANCELLED" } });
  expect(cancelled.json.tasks).toMatchObject([{ taskId: "first", status: "CANCELLED" }]);
  // A message that turns up late finds nothing to take up.
  await app.deliveries.deliver({
    message: { kind: "task", batchId, taskId: "first" },
    deliveryAttempt: 1,
  });
  expect((await app.engine.admin.show(batchId)).tasks).toMatchObject([{ status: "CANCELLED", attempts: 0 }]);
  const again = await place.baton(["cancel", batchId, "--here"]);
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining("CANCELLED") });
  const none = await place.baton(["batches", "--status", "RUNNING", "--json"]);
  expect(none.list).toEqual([]);
  // The old database can still be looked at.
  expect(await old.engine.admin.status(batchId)).toMatchObject({ status: "RUNNING" });
});

test("a cancel interrupted before the function has answered does not say that the batch had ended", async () => {
  const { cloud, batchId, place } = await withoutFunction();
  const running = place.spawn(["cancel", batchId]);
  // From before it asks on, signals are caught.
  await expect.poll(() => isAsked(cloud)).toBe(true);
  running.signal("SIGINT");
  const { code, stdout, stderr } = await running.ended;
  expect(stdout).toContain(`batch ${batchId} RUNNING`);
  expect(stderr).toContain("Not confirmed: the function has not answered. The request stays in its topic");
  expect(stderr).not.toContain("ended already");
  expect(code).toBe(130);
});

test("after a long wait for the function, the command says what may be wrong", async () => {
  const { app, batchId } = await withoutFunction();
  const stop = new AbortController();
  const notes: string[] = [];
  const session: Session = {
    environment: {},
    exitCode: 0,
    print() {},
    note(line) {
      notes.push(line);
      stop.abort(130);
    },
    json() {},
    input: () => process.stdin,
    display: process.stderr,
    catchSignals: () => stop.signal,
  };
  await requestCancel(session, app, batchId, 20);
  expect(notes).toEqual([expect.stringContaining("`baton doctor` checks whether it can be reached")]);
  expect(notes[0]).toContain(`baton cancel ${batchId} --here`);
});
