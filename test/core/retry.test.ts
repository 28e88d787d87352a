import * as fc from "fast-check";
import { expect, test } from "vitest";
import { defaults } from "../../src/core/limits.ts";
import type { RetryPolicy } from "../../src/core/retry.ts";
import { retryDelayMs } from "../../src/core/retry.ts";

const policies = fc.record<RetryPolicy>({
  maxAttempts: fc.integer({ min: 1, max: 100 }),
  initialSeconds: fc.integer({ min: 0, max: 3_600 }),
  factor: fc.integer({ min: 1, max: 100 }),
  maxSeconds: fc.integer({ min: 0, max: 86_400 }),
  jitter: fc.constantFrom(0, 0.25, 1),
});
const randoms = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

test("by default: three waits of 1, 2 and 4 minutes", () => {
  const waits = [1, 2, 3, 4].map((failures) => retryDelayMs(defaults.retry, failures, 0.9));
  expect(waits).toEqual([60_000, 120_000, 240_000, undefined]);
});

test("there are as many attempts as the policy says", () => {
  fc.assert(
    fc.property(policies, randoms, (policy, random) => {
      let attempts = 1;
      while (retryDelayMs(policy, attempts, random) !== undefined) attempts += 1;
      expect(attempts).toBe(policy.maxAttempts);
    }),
  );
});

test("waits grow up to the cap, and jitter adds at most its share", () => {
  fc.assert(
    fc.property(policies, randoms, (policy, random) => {
      let before = 0;
      for (let failures = 1; failures < policy.maxAttempts; failures += 1) {
        const plain = retryDelayMs(policy, failures, 0) ?? Number.NaN;
        const spread = retryDelayMs(policy, failures, random) ?? Number.NaN;
        expect(plain).toBeGreaterThanOrEqual(before);
        expect(plain).toBeLessThanOrEqual(policy.maxSeconds * 1_000);
        expect(spread).toBeGreaterThanOrEqual(plain);
        expect(spread).toBeLessThanOrEqual(Math.ceil(plain * (1 + policy.jitter)));
        before = plain;
      }
    }),
  );
});
