import { expect, test } from "vitest";
import {
  type Callback,
  CallbackSchema,
  finalEventId,
  isCallbackUrl,
  markArchived,
  markPageSent,
  markSendFailed,
  markSending,
  needsArchiving,
  newCallback,
  redirectCallback,
  resetForResend,
} from "../../src/core/callback.ts";
import { limits } from "../../src/core/limits.ts";

const target = { url: "https://a.example/hook", archive: { table: "t", key: { job: "1" } } };

const fresh = newCallback(
  {
    type: "task.completed",
    key: "flow/work?job=1",
    batchId: "one",
    taskId: "work",
    target,
    data: { value: 1 },
  },
  { nonce: "n1", now: 1_000 },
);

const unarchived: Callback = { ...fresh, target: { ...target, archive: null } };
const delivered: Callback = {
  ...fresh,
  state: "DELIVERED",
  pagesTaken: 2,
  archived: true,
  deliveredAt: 2_000,
};
const failedOnce = (callback: Callback) =>
  markSendFailed(callback, { at: 3_000, error: "answered 500" }, "n3");

test("a new callback is to be sent at once, and its event has one id for ever", () => {
  expect(CallbackSchema.parse(fresh)).toMatchObject({
    eventId: finalEventId({ batchId: "one", taskId: "work" }),
    state: "PENDING",
    dueSeconds: 0,
    pagesTaken: 0,
    occurredAt: 1_000,
  });
  expect(finalEventId({ batchId: "one", taskId: "work" })).toMatch(/^evt_[0-9a-f]{32}$/);
  const others = [
    { batchId: "one", taskId: "other" },
    { batchId: "two", taskId: "work" },
    { batchId: "onew", taskId: "ork" },
  ];
  expect(new Set([fresh.eventId, ...others.map(finalEventId)]).size).toBe(4);
});

test("while it is sent, others leave it alone for longer than one request takes", () => {
  const taken = markSending(fresh, "n2");
  expect(taken).toEqual({
    ...fresh,
    isBeingSent: true,
    dueSeconds: limits.callbackLeaseSeconds,
    nonce: "n2",
  });
  expect(limits.callbackLeaseSeconds).toBeGreaterThan(limits.callbackTimeoutSeconds);
});

test("a page that was taken is not the end of it until it is the last", () => {
  const first = markPageSent(failedOnce(unarchived), 2, { at: 4_000, error: null }, "n4");
  expect(first).toMatchObject({
    state: "PENDING",
    pagesTaken: 1,
    failures: 0,
    dueSeconds: limits.callbackLeaseSeconds,
    deliveredAt: null,
  });
  const last = markPageSent(first, 2, { at: 5_000, error: null }, "n5");
  expect(last).toMatchObject({
    state: "DELIVERED",
    pagesTaken: 2,
    dueSeconds: 0,
    deliveredAt: 5_000,
    nonce: "n5",
  });
  expect(last.sends).toEqual([
    { at: 3_000, page: 1, error: "answered 500" },
    { at: 4_000, page: 1, error: null },
    { at: 5_000, page: 2, error: null },
  ]);
});

test("one that was taken is done only when it is archived, and only what was completed is", () => {
  const taken = markPageSent(fresh, 1, { at: 4_000, error: null }, "n4");
  expect(taken).toMatchObject({ state: "PENDING", deliveredAt: 4_000, archived: false });
  expect(needsArchiving(taken)).toBe(true);
  const done = markArchived(failedOnce(taken), "n5");
  expect(done).toMatchObject({ state: "DELIVERED", archived: true, failures: 0, dueSeconds: 0, nonce: "n5" });
  expect(needsArchiving(done)).toBe(false);
  const failed: Callback = { ...fresh, type: "task.failed" };
  expect(markPageSent(failed, 1, { at: 4_000, error: null }, "n4").state).toBe("DELIVERED");
  expect(markPageSent(done, 1, { at: 4_000, error: null }, "n4").state).toBe("DELIVERED");
});

test("one that was taken but not yet archived, asked for again, is sent again whole", () => {
  const again = resetForResend(markPageSent(fresh, 1, { at: 4_000, error: null }, "n4"), "n9");
  expect(again).toMatchObject({ state: "PENDING", pagesTaken: 0, deliveredAt: null, resends: 1 });
});

test("a failed send is retried after 5 s, then with growing back-off up to an hour, for about three days", () => {
  const waits: number[] = [];
  let callback = fresh;
  while (callback.state === "PENDING") {
    callback = failedOnce(callback);
    if (callback.state === "PENDING") waits.push(callback.dueSeconds);
  }
  expect(waits.slice(0, 12)).toEqual([5, 10, 20, 40, 80, 160, 320, 640, 1_280, 2_560, 3_600, 3_600]);
  expect(Math.max(...waits)).toBe(3_600);
  expect(callback).toMatchObject({ state: "GIVEN_UP", failures: limits.callbackAttempts });
  const days = waits.reduce((sum, seconds) => sum + seconds, 0) / 86_400;
  expect(days).toBeGreaterThan(2.5);
  expect(days).toBeLessThan(3.5);
});

test("pages that were taken are not sent again because a later one failed", () => {
  const first = markPageSent(fresh, 3, { at: 2_000, error: null }, "n2");
  const failed = failedOnce(first);
  expect(failed).toMatchObject({ state: "PENDING", pagesTaken: 1, failures: 1, dueSeconds: 5 });
  expect(failed.sends.at(-1)).toEqual({ at: 3_000, page: 2, error: "answered 500" });
});

test("only the last sends are kept", () => {
  let callback = fresh;
  for (let at = 1; at <= limits.shownSends + 5; at++)
    callback = markSendFailed(callback, { at, error: "no" }, `n${at}`);
  expect(callback.sends).toHaveLength(limits.shownSends);
  expect(callback.sends.at(-1)?.at).toBe(limits.shownSends + 5);
});

test("one that was taken, asked for again: all of it, the same event, at once", () => {
  expect(resetForResend(delivered, "n9")).toEqual({
    ...delivered,
    state: "PENDING",
    pagesTaken: 0,
    deliveredAt: null,
    resends: 1,
    nonce: "n9",
  });
});

test("one that was given up, asked for again, has all its sends before it", () => {
  const again = resetForResend({ ...failedOnce(fresh), state: "GIVEN_UP", failures: 80 }, "n9");
  expect(again).toMatchObject({ state: "PENDING", failures: 0, dueSeconds: 0, resends: 1, pagesTaken: 0 });
});

test("another URL gets all of it by a separate callback, which is not archived", () => {
  const copy = redirectCallback(delivered, { url: "https://b.example/hook" }, "n9");
  expect(copy).toMatchObject({
    eventId: delivered.eventId,
    state: "PENDING",
    target: { url: "https://b.example/hook", archive: null },
    pagesTaken: 0,
    sends: [],
    deliveredAt: null,
  });
  expect(copy.callbackId).not.toBe(delivered.callbackId);
  expect(redirectCallback(fresh, { url: "https://b.example/hook" }, "n8").callbackId).toBe(copy.callbackId);
  expect(redirectCallback(fresh, { url: "https://c.example/hook" }, "n8").callbackId).not.toBe(
    copy.callbackId,
  );
  expect(needsArchiving(copy)).toBe(false);
});

test("a pending one that is resent to the same URL continues from its current page, at once", () => {
  const half = failedOnce(markPageSent(fresh, 3, { at: 2_000, error: null }, "n2"));
  expect(resetForResend(half, "n9")).toEqual({ ...half, dueSeconds: 0, nonce: "n9" });
  // A sender that holds the lease is not interrupted, or frequent calls would prevent the delivery.
  expect(resetForResend(markSending(half, "n8"), "n9")).toBeUndefined();
});

test.each([
  ["https://a.example/hook?x=1", true],
  ["http://127.0.0.1:8080/", true],
  ["ftp://a.example/", false],
  ["https://user:password@a.example/", false],
  ["/hook", false],
])("%s may be called back: %s", (url, may) => {
  expect(isCallbackUrl(url)).toBe(may);
});
