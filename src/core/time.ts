export const daySeconds = 24 * 3600;

/** A moment in ISO 8601, in UTC. */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/** The UTC day of a moment: `2026-11-21`. */
export function dayOf(milliseconds: number): string {
  return isoTime(milliseconds).slice(0, 10);
}
