/** Knows who may call. */
export interface CallerCheck {
  /** Takes the `Authorization` header. Throws `CALLER_REFUSED`; another error when the keys can't be had just now. */
  check(authorization: string | undefined): Promise<void>;
}
