import { createHash } from "node:crypto";
import type { ArchivedCallback } from "../../src/ports/callbacks.ts";
import type { World } from "../../src/testing/world/world.ts";

/** The outside system that callbacks go to. */
export class Receiver {
  /** Digests of the bodies by webhook id. */
  readonly #taken = new Map<string, string>();
  /** Tasks, as `batch/task`, to whose address something came. */
  readonly notified = new Set<string>();
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
    this.notified.add(new URL(url).pathname.slice(1));
    const before = this.#taken.get(webhookId) ?? digest;
    if (before !== digest) this.#world.violate("callback-bytes", `${webhookId} came again with other bytes`);
    this.#taken.set(webhookId, before);
    this.#onTaken(webhookId);
  }

  archive(callback: ArchivedCallback): void {
    this.archived.set(callback.eventId, callback);
  }
}
