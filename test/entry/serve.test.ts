import http from "node:http";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { createHttpHandler } from "../../src/entry/http-handler.ts";
import { type HttpService, serveHttp } from "../../src/entry/http-server.ts";
import { RecordingIntake, RecordingLogger } from "./recording-intake.ts";
import { send } from "./wire.ts";

const task = JSON.stringify({ batchId: "b1", taskId: "load" });

let intake: RecordingIntake;
let service: HttpService;
const handler = () => createHttpHandler(intake, new RecordingLogger());

beforeEach(async () => {
  intake = new RecordingIntake();
  service = await serveHttp(handler(), { port: 0 });
});
afterEach(() => service.close());

describe("the service", () => {
  test("reports that its port is in use", async () => {
    const port = Number(new URL(service.url).port);
    await expect(serveHttp(handler(), { port })).rejects.toMatchObject({ code: "PORT_IN_USE" });
  });

  test("reports another reason why it can't listen", async () => {
    const elsewhere = serveHttp(handler(), { port: 0, host: "203.0.113.1" });
    await expect(elsewhere).rejects.toMatchObject({ code: "CONFIGURATION_INVALID" });
  });

  test("responds to requests in flight before it closes, and accepts no new ones", async () => {
    const { promise: handled, resolve: finish } = Promise.withResolvers<void>();
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    intake.onDeliver = async () => {
      start();
      await handled;
      return { outcome: "done" };
    };
    const agent = new http.Agent({ keepAlive: true });
    const answer = fetchKeptAlive(agent);
    await started;
    const closed = service.close();
    await expect(send(service.url, { body: task })).rejects.toMatchObject({ code: "ECONNREFUSED" });
    finish();
    expect(await answer).toBe(200);
    // Nor on a connection that is kept alive: it would keep the service open, too.
    await new Promise((resolve) => setImmediate(resolve));
    await expect(fetchKeptAlive(agent)).rejects.toThrow(/ECONNRE|hang up/);
    await closed;
    agent.destroy();
    service = await serveHttp(handler(), { port: 0 });
  });

  test("cuts off slow requests when it closes", async () => {
    const stuck = await serveHttp(handler(), { port: 0, drainSeconds: 0.1 });
    const { promise: started, resolve: start } = Promise.withResolvers<void>();
    intake.onDeliver = () => {
      start();
      return new Promise(() => {});
    };
    const answer = send(stuck.url, { body: task });
    const cutOff = expect(answer).rejects.toMatchObject({ code: "ECONNRESET" });
    await started;
    await stuck.close();
    await cutOff;
  });
});

function fetchKeptAlive(agent: http.Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { "content-length": task.length };
    const sent = http.request(service.url, { method: "POST", agent, headers }, (response) => {
      response.resume().on("end", () => resolve(response.statusCode ?? 0));
    });
    sent.on("error", reject).end(task);
  });
}
