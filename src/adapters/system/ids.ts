import { randomFillSync } from "node:crypto";
import type { Ids } from "../../ports/ids.ts";

const idBytes = 16;
/** Fetched for many ids at once: to ask for each alone takes many times as long. */
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
