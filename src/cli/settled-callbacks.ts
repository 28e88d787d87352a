import { setTimeout as sleep } from "node:timers/promises";
import type { App } from "../composition/app.ts";
import type { Callback } from "../core/callback.ts";
import { limits } from "../core/limits.ts";
import type { BatchView } from "../core/views.ts";

const lookMs = 50;

/** The final callbacks of a batch that are under way: those its tasks made, and those that it asked for again. */
export async function callbacksUnderWay({ engine }: App, { batchId, tasks }: BatchView): Promise<Callback[]> {
  const found = await engine.admin.callbacks.ofBatch(batchId);
  for (const { key, reason } of tasks)
    if (key !== null && reason === "already_completed")
      found.push(...(await engine.admin.callbacks.ofKey(key)));
  return found.filter(({ state }) => state === "PENDING");
}

/**
 * Waits until callbacks have been taken and archived, or have failed once, but not for long. Gives those of which something is
 * left to do, as they then are.
 */
export async function untilSettled(
  { engine }: App,
  callbackIds: readonly string[],
  stop?: AbortSignal,
): Promise<Callback[]> {
  const deadline = performance.now() + limits.callbackWaitSeconds * 1_000;
  for (;;) {
    const pending: Callback[] = [];
    for (const callbackId of callbackIds) {
      const callback = await engine.admin.callbacks.find(callbackId);
      if (callback?.state === "PENDING") pending.push(callback);
    }
    const isTried = pending.every(({ failures }) => failures > 0);
    if (isTried || stop?.aborted || performance.now() > deadline) return pending;
    // A pause that is cut short is all right.
    await sleep(lookMs, undefined, stop && { signal: stop }).catch(() => {});
  }
}
