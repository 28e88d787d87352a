import { randomUUID } from "node:crypto";
import type { Ids } from "../../ports/ids.ts";

/** Random ids of this machine: 122 random bits as 32 hexadecimal digits. */
export const systemIds: Ids = {
  unique: () => randomUUID().replaceAll("-", ""),
  random: () => Math.random(),
};
