/** Source of randomness. */
export interface Ids {
  /** A string that no one has used before: at least 96 random bits, letters and digits. */
  unique(): string;
  /** A number in [0, 1). */
  random(): number;
}
