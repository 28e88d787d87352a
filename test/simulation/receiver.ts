import { createHash } from "node:crypto";
import type { ArchivedCallback } from "../../src/ports/callbacks.ts";
import type { World } from "./world.ts";

/** The outside system that callbacks go to. */
export class Receiver {
  /** Bodies by webhook id, with how often each came. */
  readonly taken = new Map<string, { readonly digest: string; times: number }>();
  /** Tasks, as `batch/task`, to whose address something came. */
  readonly told = new Set<string>();
  readonly archived = new Map<string, ArchivedCallback>();
  readonly #world: World;
  readonly #isBackMs: number;
  readonly #onTaken: (webhookId: string) => void;

  constructor(world: World, isBackMs: number, onTaken: (webhookId: string) => void) {
    this.#world = world;
    this.#isBackMs = isBackMs;
    this.#onTaken = onTaken;
  }

  /** Throws while it is away. */
  take(url: string, webhookId: string, body: string): void {
    if (this.#world.elapsedMs < this.#isBackMs) throw new Error("503: simulated, the receiver is away");
    const digest = createHash("sha256").update(body).digest("hex");
    this.told.add(new URL(url).pathname.slice(1));
    const before = this.taken.get(webhookId);
    if (before && before.digest !== digest)
      this.#world.violate("callback-bytes", `${webhookId} came again with other bytes`);
    if (before) before.times += 1;
    else this.taken.set(webhookId, { digest, times: 1 });
    this.#onTaken(webhookId);
  }

  archive(callback: ArchivedCallback): void {
    this.archived.set(callback.eventId, callback);
  }
}
