import { expect, test } from "vitest";
import { withDeadline } from "../../src/adapters/firestore/firestore-client.ts";
import { StoreTimeoutError } from "../../src/ports/store.ts";

/** A clock whose one alarm rings when the test says so. */
function alarm() {
  const rings: (() => void)[] = [];
  const clock = {
    now: () => 0,
    monotonicMs: () => 0,
    after: (_delayMs: number, callback: () => void) => {
      rings.push(callback);
      return () => void rings.splice(rings.indexOf(callback), 1);
    },
  };
  return { clock, rings };
}

test("a call that timed out reports its real outcome later", async () => {
  const { clock, rings } = alarm();
  const call = Promise.withResolvers<string>();
  const answer = withDeadline(clock, call.promise, 20).catch((error: unknown) => error);
  for (const ring of rings) ring();
  const error = await answer;
  expect(error).toMatchObject({ code: "STORE_FAILED", message: "No answer in 20 s (Firestore)" });
  call.resolve("applied");
  expect(error instanceof StoreTimeoutError && (await error.lateResult)).toBe("applied");
});

test("an answer in time is used, and no timer is left", async () => {
  const { clock, rings } = alarm();
  expect(await withDeadline(clock, Promise.resolve("applied"), 20)).toBe("applied");
  await expect(withDeadline(clock, Promise.reject(new Error("refused")), 20)).rejects.toThrow("refused");
  expect(rings).toEqual([]);
});
