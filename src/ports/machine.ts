/** The worker's clock. Nothing that must be right depends on it: leases are judged by the store's time. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds since an arbitrary moment. It never jumps, so durations are measured by it. */
  monotonicMs(): number;
  /** Calls back once after the delay; returns how to call it off. */
  after(delayMs: number, callback: () => void): () => void;
}

/** Source of randomness. */
export interface Ids {
  /** A string that no one has used before: at least 96 random bits, letters and digits. */
  unique(): string;
  /** A number in [0, 1). */
  random(): number;
}

/** The secrets that tasks may name, by `{{ secrets.NAME }}`. */
export interface Secrets {
  /**
   * The value of one. Throws the BatonErrors `SECRET_NOT_CONFIGURED`, when the operator has given none of that name,
   * and
   * `SECRET_UNAVAILABLE`, when its service does not answer with it. Neither error holds anything of a secret.
   */
  read(name: string): Promise<string>;
}

/** Knows who may call. */
export interface CallerCheck {
  /** Takes the `Authorization` header. Throws `CALLER_REFUSED`; another error when the keys can't be had just now. */
  check(authorization: string | undefined): Promise<void>;
}
