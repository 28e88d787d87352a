import { expect, test } from "vitest";
import { createProgram } from "../../src/cli/program.ts";
import type { Session } from "../../src/cli/session.ts";
import { workflow } from "../../src/index.ts";
import { callbackReceiver } from "../support/receiver.ts";
import { cloudInProcess } from "./in-process.ts";

test("resend: the function sends the callback; the caller has no secret and no right to schedule", async () => {
  const receiver = await callbackReceiver();
  const notified = workflow("notified").task("work", () => 1, { callback: { url: receiver.url } });
  const cloud = await cloudInProcess([notified]);
  const batchId = await cloud.run("notified");
  expect(receiver.received).toHaveLength(1);
  const [callback] = await cloud.app.engine.admin.callbacks.ofBatch(batchId);
  const {
    BATON_CALLBACK_SECRET: _secret,
    BATON_SERVICE_ACCOUNT: _account,
    BATON_LOCATION: _location,
    ...environment
  } = cloud.environment;
  const printed: unknown[] = [];
  const session: Session = {
    environment,
    exitCode: 0,
    print() {},
    note: (line) => printed.push(line),
    json: (value) => printed.push(value),
    input: () => process.stdin,
    display: process.stderr,
    catchSignals: () => new AbortController().signal,
  };
  const given = ["resend", "--event", callback?.eventId ?? "", "--json"];
  await createProgram(session, "0.0.0").parseAsync(given, { from: "user" });
  expect(printed).toMatchObject([[{ eventId: callback?.eventId, outcome: "delivered", error: null }]]);
  expect(session.exitCode).toBe(0);
  expect(receiver.received).toHaveLength(2);
  expect(receiver.received[1]?.headers["webhook-id"]).toBe(receiver.received[0]?.headers["webhook-id"]);
});
