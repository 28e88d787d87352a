/** The worker's clock. Nothing that must be right depends on it: leases are judged by the store's time. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since an arbitrary moment. It never jumps, so durations are measured by it. */
  monotonicMs(): number;
  /** Calls back once after the delay; returns how to call it off. */
  after(delayMs: number, callback: () => void): () => void;
}
