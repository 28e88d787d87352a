import { expect, test } from "vitest";
import { readConfiguration } from "../../src/configuration/configuration.ts";
import { powerBiRefresh, workflow } from "../../src/index.ts";
import { failure } from "../servers/kit/http-server.ts";
import { refusal } from "../servers/power-bi/server.ts";
import { runToEnd, statuses } from "../support/app.ts";
import { dataset, place, powerBiServer, variables, workspace } from "./power-bi-place.ts";
import { onlyTask, RecordingLogger, remoteApp } from "./remote-app.ts";

test("the ninth refresh of a day fails without a retry, and says why", async () => {
  const { server, run } = await place();
  for (let number = 0; number < 8; number += 1) {
    const earlier = server.dataset.start({});
    if (typeof earlier !== "string") server.dataset.finish(earlier, { status: "Completed" });
  }
  const task = await run();
  expect(task).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { code: "POWER_BI_REFRESH_LIMIT", retryable: false },
  });
  expect(task.error?.message).toContain("in last 24 hours exceeded limit");
  expect(server.dataset.refreshes).toHaveLength(8);
});

const dayLimit =
  "Invalid dataset refresh request. Number of refresh requests in last 24 hours exceeded limit";
const throttled = { ...refusal(429, "TooManyRequests", "slow down"), headers: { "retry-after": "1" } };

test.each([
  [refusal(401, "PowerBINotAuthorizedException", undefined), "POWER_BI_DENIED", 1, "service principals"],
  [
    refusal(403, "PowerBINotAuthorizedException", undefined),
    "POWER_BI_DENIED",
    1,
    "add this one to the workspace",
  ],
  [refusal(404, "PowerBIEntityNotFound", undefined), "POWER_BI_DATASET_UNKNOWN", 1, "ids"],
  [refusal(429, "RequestThrottled", dayLimit), "POWER_BI_REFRESH_LIMIT", 1, "used up"],
  [refusal(400, "InvalidRequest", "no such table"), "POWER_BI_REFUSED", 1, "no such table"],
  [throttled, "POWER_BI_UNAVAILABLE", 2, "asked to wait 1 s"],
  [failure(503, "later"), "POWER_BI_UNAVAILABLE", 2, "503"],
])("the answer %j is %s", async (reply, code, attempts, said) => {
  const { server, run } = await place({}, {}, { retry: { maxAttempts: 2, initial: "10ms" } });
  server.answerWith(reply);
  const task = await run();
  expect(task).toMatchObject({ status: "ERROR", attempts, error: { code, retryable: attempts > 1 } });
  expect(task.error?.message).toContain(said);
});

test("a wrong secret fails the task without a retry, and appears neither in the error nor in the log", async () => {
  const server = await powerBiServer();
  const task = powerBiRefresh({ workspace, dataset, every: "10ms" });
  const flow = workflow("flow").task("report", task, { retry: { initial: "10ms" } });
  const logger = new RecordingLogger();
  const secret = "another~secret.that-no-log-may-show";
  const app = remoteApp({ workflows: [flow], environment: variables(server, secret), logger });
  const view = await runToEnd(app, "flow");
  expect(onlyTask(view)).toMatchObject({ attempts: 1, error: { code: "POWER_BI_DENIED", retryable: false } });
  expect(onlyTask(view).error?.message).toContain("AADSTS7000215");
  expect(logger.text).toContain("POWER_BI_DENIED");
  expect(logger.text + JSON.stringify(view)).not.toContain(secret);
});

test("an unknown tenant fails the task without a retry", async () => {
  const server = await powerBiServer();
  const environment = { ...variables(server), BATON_POWERBI_TENANT_ID: "fabrikam" };
  const flow = workflow("flow").task("report", powerBiRefresh({ workspace, dataset }), {
    retry: { initial: "10ms" },
  });
  const view = await runToEnd(remoteApp({ workflows: [flow], environment }), "flow");
  expect(onlyTask(view)).toMatchObject({ attempts: 1, error: { code: "POWER_BI_DENIED" } });
});

test("without its variables the task says which ones to set; with a part of them nothing starts", async () => {
  const flow = workflow("flow").task("report", powerBiRefresh({ workspace, dataset }));
  const view = await runToEnd(remoteApp({ workflows: [flow], environment: {} }), "flow");
  expect(statuses(view)).toEqual({ report: "ERROR" });
  expect(onlyTask(view)).toMatchObject({ attempts: 1, error: { code: "SERVICE_NOT_CONFIGURED" } });
  expect(onlyTask(view).error?.message).toContain("BATON_POWERBI_CLIENT_SECRET");
  expect(() => readConfiguration({ BATON_POWERBI_CLIENT_SECRET: "hush" })).toThrow(
    expect.objectContaining({
      code: "CONFIGURATION_INVALID",
      message: expect.stringMatching(/^(?!.*hush).*TENANT_ID.*CLIENT_ID/s),
    }),
  );
});

test("an unreachable identity platform is retried, and the error names the problem", async () => {
  for (const [kind, said] of [
    ["not_sent", /\/token: (other side closed|read ECONNRESET)/],
    ["error_after", /\/token: the response has status 500/],
  ] as const) {
    const { server, run } = await place({}, {}, { retry: { maxAttempts: 2, initial: "10ms" } });
    server.setFaults(({ method }) => (method.endsWith("/token") ? { kind } : undefined));
    const task = await run();
    expect(task).toMatchObject({ status: "ERROR", attempts: 2, error: { code: "POWER_BI_UNAVAILABLE" } });
    expect(task.error?.message).toMatch(said);
  }
});
