import { expect, test } from "vitest";
import { systemClock } from "../../src/adapters/system/system.ts";
import type { Clock } from "../../src/ports/machine.ts";
import { workflow } from "../../src/workflow/builder.ts";
import { temporaryFolder, testApp } from "../support/app.ts";

/** A clock by which every look takes 20 ms, and the number of pauses that were made on it. */
function slowClock() {
  const seen = { looks: 0, pauses: 0 };
  const clock: Clock = {
    ...systemClock,
    now: () => systemClock.now() + 20 * seen.looks++,
    after(delayMs, callback) {
      if (delayMs === 0) seen.pauses += 1;
      return systemClock.after(delayMs, callback);
    },
  };
  return { clock, seen };
}

test("other work gets its turn while a large workflow is started, and while its definition is read", async () => {
  const data = temporaryFolder();
  const large = Array.from({ length: 1_000 }, (_, index) => `t${index}`).reduce(
    (built, id) => built.task(id, async () => null),
    workflow("large").task("first", async () => null),
  );
  const starting = slowClock();
  const app = testApp({ data, workflows: [large], clock: starting.clock });
  const { batchId } = await app.engine.start({ kind: "start", workflowId: "large", key: "1" });
  expect(starting.seen.pauses).toBeGreaterThanOrEqual(10);
  await app.close();
  const reading = slowClock();
  const later = testApp({ data, workflows: [], clock: reading.clock });
  expect((await later.engine.admin.show(batchId)).tasks).toHaveLength(1_001);
  expect(reading.seen.pauses).toBeGreaterThanOrEqual(10);
});
