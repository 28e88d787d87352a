import { randomFillSync } from "node:crypto";
import type { Clock, Ids } from "../../ports/machine.ts";

/** Longest delay one Node timer can hold, in milliseconds (2^31 − 1). */
const longestTimerMs = 2_147_483_647;

/** The clock of this machine. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after(delayMs, callback, isBackground = false) {
    const timer = setTimeout(callback, Math.min(Math.max(delayMs, 0), longestTimerMs));
    if (isBackground) timer.unref();
    return () => clearTimeout(timer);
  },
};

const idBytes = 16;
/** Random bytes for many ids at once: a call for each id takes many times as long. */
const randomBytes = Buffer.alloc(256 * idBytes);
let used = randomBytes.length;

/** Random ids of this machine: 128 random bits as 32 hexadecimal digits. */
export const systemIds: Ids = {
  unique() {
    if (used === randomBytes.length) {
      randomFillSync(randomBytes);
      used = 0;
    }
    used += idBytes;
    return randomBytes.toString("hex", used - idBytes, used);
  },
  random: () => Math.random(),
};
