import { expect, test } from "vitest";
import { type Fault, strangeFaults } from "../servers/kit/faults.ts";
import { casesOfCalls } from "../support/cases-of-today.ts";
import { place } from "./power-bi-place.ts";

test("a refresh is started once, as it was asked for, and its end is waited for", async () => {
  const { server, run } = await place();
  const calls: string[] = [];
  server.setFaults(({ method }) => {
    calls.push(method);
    return undefined;
  });
  const task = await run();
  const [refresh] = server.dataset.refreshes;
  expect(task).toMatchObject({
    status: "SUCCESS",
    attempts: 1,
    result: {
      refresh: refresh?.requestId,
      adopted: false,
      startTime: refresh?.startTime,
      endTime: refresh?.endTime,
    },
  });
  expect(server.meter.of("power_bi_refreshes")).toBe(1);
  expect(calls.filter((method) => method.endsWith("/token"))).toHaveLength(1);
  expect(refresh?.options).toEqual({ notifyOption: "NoNotification" });
});

test("an enhanced refresh takes its options", async () => {
  const enhanced = {
    type: "Full",
    commitMode: "Transactional",
    retryCount: 2,
    objects: [{ table: "Sales" }],
  } as const;
  const { server, run } = await place(enhanced);
  expect(await run()).toMatchObject({ status: "SUCCESS" });
  expect(server.dataset.refreshes).toMatchObject([
    { refreshType: "ViaEnhancedApi", options: { notifyOption: "NoNotification", ...enhanced } },
  ]);
});

const faults: readonly (readonly [string, Fault])[] = [
  ...(["not_sent", "reply_lost", "error_after", "duplicated", "unauthenticated"] as const).map(
    (kind) => [kind, { kind }] as const,
  ),
  ...strangeFaults.map((fault) => [`answered by ${fault.answer}`, fault] as const),
];

test.each(casesOfCalls(faults))(
  "whichever call meets a fault (%s), there is one refresh, and the task succeeds",
  async (_, faultAt) => {
    let calls = Number.POSITIVE_INFINITY;
    for (let at = 0; at < calls; at += 1) {
      let seen = 0;
      const { server, run } = await place(
        {},
        {
          // The refresh may have ended before the task polls.
          ending: { afterPolls: at % 2, status: "Completed" },
          faults: ({ index }): Fault | undefined => {
            seen = index + 1;
            return index === at ? faultAt(at) : undefined;
          },
        },
      );
      const task = await run();
      expect(task, `call ${at}`).toMatchObject({ status: "SUCCESS" });
      expect(server.dataset.refreshes, `call ${at}`).toHaveLength(1);
      expect(task.result).toMatchObject({ refresh: server.dataset.refreshes[0]?.requestId });
      calls = seen;
    }
    expect(calls).toBeGreaterThan(5);
  },
);

test("one that runs is adopted", async () => {
  const { server, run } = await place();
  server.dataset.start({ notifyOption: "NoNotification" }, "Scheduled");
  expect(await run()).toMatchObject({
    status: "SUCCESS",
    result: { refresh: server.dataset.refreshes[0]?.requestId, adopted: true },
  });
  expect(server.dataset.refreshes).toHaveLength(1);
});

test("with ifRunning wait, one that runs is waited for, and another one started", async () => {
  const { server, run } = await place({ ifRunning: "wait" });
  server.dataset.start({ notifyOption: "NoNotification" }, "Scheduled");
  expect(await run()).toMatchObject({
    status: "SUCCESS",
    result: { refresh: server.dataset.refreshes[1]?.requestId, adopted: false },
  });
});

test("with ifRunning wait, an invocation that starts after the wait is adopted: it sees earlier writes", async () => {
  const { server, run } = await place({ ifRunning: "wait" });
  let looks = 0;
  server.setFaults(({ method }) => {
    if (method.startsWith("GET /v1.0/")) looks += 1;
    if (looks === 2) server.dataset.start({}, "Scheduled");
    return undefined;
  });
  expect(await run()).toMatchObject({ status: "SUCCESS", attempts: 1, result: { adopted: true } });
  expect(server.dataset.refreshes).toHaveLength(1);
});

test("one that begins between the look and the start is adopted", async () => {
  const { server, run } = await place();
  server.setFaults(({ method }) => {
    if (method.startsWith("POST /v1.0/")) server.dataset.start({}, "Scheduled");
    return undefined;
  });
  expect(await run()).toMatchObject({ status: "SUCCESS", attempts: 1, result: { adopted: true } });
  expect(server.dataset.refreshes).toHaveLength(1);
});

test("a failed refresh fails the task without a retry, with Power BI's message", async () => {
  const exception = {
    errorCode: "ModelRefreshFailed_CredentialsNotSpecified",
    errorDescription: "The data source has no credentials",
  };
  const { server, run } = await place({}, { ending: { afterPolls: 1, status: "Failed", exception } });
  const task = await run();
  expect(task).toMatchObject({ status: "ERROR", attempts: 1, error: { code: "POWER_BI_REFRESH_FAILED" } });
  expect(task.error?.message).toContain(
    "ended failed: ModelRefreshFailed_CredentialsNotSpecified: The data source has no credentials",
  );
  expect(server.dataset.refreshes).toHaveLength(1);
});

test.each(["Disabled", "Cancelled"] as const)("one that ends %s fails the task", async (status) => {
  const { run } = await place({ type: "Full" }, { ending: { afterPolls: 1, status } });
  expect(await run()).toMatchObject({
    status: "ERROR",
    attempts: 1,
    error: { message: expect.stringContaining(`ended ${status.toLowerCase()}`) },
  });
});

test("with retryFailed each attempt starts a refresh of its own", async () => {
  const { server, run } = await place({ retryFailed: true }, { ending: { afterPolls: 1, status: "Failed" } });
  server.setFaults(() => {
    if (server.dataset.refreshes.length === 3) server.dataset.ending = { afterPolls: 0, status: "Completed" };
    return undefined;
  });
  expect(await run()).toMatchObject({ status: "SUCCESS", attempts: 3 });
  expect(server.dataset.refreshes.map(({ status }) => status)).toEqual(["Failed", "Failed", "Completed"]);
});

test("a failed call does not fail the next call of its key, which starts a new refresh", async () => {
  const { server, run } = await place(
    {},
    { ending: { afterPolls: 1, status: "Failed" } },
    { idempotency: true },
  );
  expect(await run()).toMatchObject({ error: { code: "POWER_BI_REFRESH_FAILED" } });
  server.dataset.ending = { afterPolls: 0, status: "Completed" };
  expect(await run()).toMatchObject({ status: "SUCCESS" });
  expect(server.dataset.refreshes.map(({ status }) => status)).toEqual(["Failed", "Completed"]);
});

test("after a refresh that never started, a later call of its key does not accept an older one", async () => {
  const { server, run } = await place({}, { dayLimit: 0 }, { idempotency: true });
  expect(await run()).toMatchObject({ error: { code: "POWER_BI_REFRESH_LIMIT" } });
  server.dataset.refreshes.push({
    requestId: "scheduled",
    refreshType: "Scheduled",
    startTime: "2026-11-02T09:00:00Z",
    endTime: "2026-11-02T09:01:00Z",
    status: "Completed",
    options: {},
    polls: 0,
  });
  expect(await run()).toMatchObject({ error: { code: "POWER_BI_REFRESH_LIMIT" } });
});

test("a refresh that takes too long is cancelled if it is an enhanced one, and left to run otherwise", async () => {
  const enhanced = await place({ type: "Full", timeout: "100ms" }, { ending: null });
  expect(await enhanced.run()).toMatchObject({ status: "ERROR", error: { code: "POLL_TIMEOUT" } });
  expect(enhanced.server.dataset.refreshes).toMatchObject([{ status: "Cancelled" }]);
  const plain = await place({ timeout: "100ms" }, { ending: null });
  expect(await plain.run()).toMatchObject({ status: "ERROR", error: { code: "POLL_TIMEOUT" } });
  expect(plain.server.dataset.running).toBeDefined();
});
