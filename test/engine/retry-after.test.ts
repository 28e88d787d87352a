import { expect, onTestFinished, test } from "vitest";
import { limits } from "../../src/core/limits.ts";
import { http, TaskError, workflow } from "../../src/index.ts";
import { startEndpoint } from "../servers/kit/endpoint.ts";
import { timedApp } from "../support/timed-app.ts";

const environment = { BATON_HTTP_ALLOW_PRIVATE: "true" };

/** Refuses the first request and says when to come again; takes the others. */
async function busyEndpoint(status: number, retryAfter: string) {
  const endpoint = await startEndpoint((_, index) =>
    index === 0 ? { status, headers: { "retry-after": retryAfter } } : 204,
  );
  onTestFinished(() => endpoint.close());
  return endpoint;
}

type Timed = ReturnType<typeof timedApp>;

/** The only task of a batch, once it waits for its next attempt. */
async function waiting({ app, until }: Timed, batchId: string) {
  return until(async () => {
    const [task] = (await app.engine.admin.show(batchId)).tasks;
    return task?.status === "WAITING" && task;
  });
}

test.each([
  [429, "1800"],
  [503, "1800"],
])("an http task that is answered %d with Retry-After %s comes again no sooner", async (status, after) => {
  const { url, calls } = await busyEndpoint(status, after);
  const timed = timedApp({ workflows: [workflow("flow").task("ask", http({ url }))], environment });
  timed.app.work.start();
  const batchId = await timed.start("flow");
  const task = await waiting(timed, batchId);
  expect(task.error?.message).toContain(`answered ${status} (asked to wait 1800 s)`);
  await timed.skip(1_700);
  expect(calls).toHaveLength(1);
  expect(await timed.ended(batchId, 200)).toMatchObject({ status: "SUCCESS", tasks: [{ attempts: 2 }] });
});

test("a pause that is too long, or is none, leaves the wait to the longest pause, or to the policy", async () => {
  const tooLong = await busyEndpoint(429, String(limits.retryAfterSeconds + 1));
  const past = await busyEndpoint(429, "Mon, 02 Nov 2020 08:00:00 GMT");
  const flows = [tooLong, past].map(({ url }, index) =>
    workflow(`flow-${index}`).task("ask", http({ url }), { retry: { initial: "5s" } }),
  );
  const timed = timedApp({ workflows: flows, environment });
  timed.app.work.start();
  const [long, short] = [await timed.start("flow-0"), await timed.start("flow-1")];
  expect((await waiting(timed, long)).error?.message).toContain("is cut to 86400 s, the longest wait");
  expect((await timed.ended(short, 30)).tasks[0]?.attempts).toBe(2);
  await timed.skip(limits.retryAfterSeconds - 100);
  expect((await waiting(timed, long)).attempts).toBe(1);
  expect(await timed.ended(long, 200)).toMatchObject({ status: "SUCCESS" });
});

test("a task of one's own can ask for a pause, too", async () => {
  const attempts: number[] = [];
  const work = ({ attempt }: { readonly attempt: number }) => {
    attempts.push(attempt);
    if (attempt === 1) throw new TaskError("the quota is used up", { retryAfterSeconds: 3_600 });
    return null;
  };
  const flow = workflow("flow").task("work", work, { retry: { initial: "1s" } });
  const timed = timedApp({ workflows: [flow] });
  timed.app.work.start();
  const batchId = await timed.start("flow");
  await waiting(timed, batchId);
  await timed.skip(3_500);
  expect(attempts).toEqual([1]);
  expect(await timed.ended(batchId, 200)).toMatchObject({ status: "SUCCESS" });
});

test("a callback is sent again when its receiver said, and no sooner", async () => {
  const { url, calls } = await busyEndpoint(429, "1800");
  const flow = workflow("flow").task("work", () => null, {
    idempotency: { key: { fields: ["id"] } },
    callback: { url: "{{ input.url }}" },
  });
  const timed = timedApp({ workflows: [flow], environment: { ...environment, BATON_SWEEP: "30s" } });
  timed.app.work.start();
  await timed.ended(await timed.start("flow", { id: 1, url }));
  const callback = async () => (await timed.app.engine.admin.callbacks.ofKey("flow/work?id=1"))[0];
  const failed = await timed.until(async () => {
    const found = await callback();
    return found && found.sends.length > 0 && found;
  });
  expect(failed.sends[0]?.error).toContain("answered 429 (asked to wait 1800 s)");
  await timed.skip(1_700);
  expect(calls).toHaveLength(1);
  await timed.until(async () => (await callback())?.state === "DELIVERED", 300);
  expect(calls).toHaveLength(2);
});
