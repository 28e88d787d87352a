export const daySeconds = 24 * 3600;

/** A moment in ISO 8601, in UTC. */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/**
 * The same of microseconds since 1970, which are written if there are any. Undefined for years beyond those of
 * JavaScript.
 */
export function isoTimeFromMicroseconds(microseconds: bigint): string | undefined {
  const rest = ((microseconds % 1_000n) + 1_000n) % 1_000n;
  const time = new Date(Number((microseconds - rest) / 1_000n));
  if (Number.isNaN(time.getTime())) return undefined;
  const text = time.toISOString();
  return rest === 0n ? text : text.replace("Z", `${String(rest).padStart(3, "0")}Z`);
}

/** The UTC day of a moment: `2026-11-21`. */
export function utcDay(milliseconds: number): string {
  return isoTime(milliseconds).slice(0, 10);
}
