import type { TraceTimeouts } from "../../src/adapters/opentelemetry/span-queue.ts";

/** Waits that no slow machine reaches: for tests that are about what is sent, and not about how long it takes. */
export const patient: TraceTimeouts & { readonly exportSeconds: number } = {
  flushMs: 600_000,
  closeMs: 600_000,
  pauseSeconds: 3_600,
  exportSeconds: 600,
};

/** Hardly waits for a receiver, and then not again. */
export const impatient: TraceTimeouts = { flushMs: 50, closeMs: 50, pauseSeconds: 3_600 };
