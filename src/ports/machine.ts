/** The worker's clock. No decision of the protocol depends on it: leases are measured by the store's clock. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since an arbitrary moment. It never jumps, so use it for durations. */
  monotonicMs(): number;
  /**
   * Calls back once after the delay. Returns a function that cancels it. A process that has nothing but background
   * timers left ends.
   */
  after(delayMs: number, callback: () => void, isBackground?: boolean): () => void;
}

export interface Ids {
  /** A unique string of letters and digits with at least 96 random bits. */
  unique(): string;
  /** At least 0, and less than 1. */
  random(): number;
}

/** The secrets to which tasks may refer by `{{ secrets.NAME }}`. */
export interface Secrets {
  /**
   * The value of a secret. Throws the BatonErrors `SECRET_NOT_CONFIGURED` if the operator has not set it, and
   * `SECRET_UNAVAILABLE` if Secret Manager does not return it. Neither error contains any part of a secret.
   */
  read(name: string): Promise<string>;
}

/** Checks who may send requests. */
export interface CallerCheck {
  /** Takes the `Authorization` header. Throws `CALLER_REFUSED`, or another error if the public keys are unavailable. */
  check(authorization: string | undefined): Promise<void>;
}
