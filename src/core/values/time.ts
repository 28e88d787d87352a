export const daySeconds = 24 * 3600;

/** ISO 8601, in UTC. */
export function isoTime(milliseconds: number): string {
  return new Date(milliseconds).toISOString();
}

/**
 * ISO 8601 of microseconds since 1970. The last three digits are left out if they are zero. Undefined for years beyond
 * the range of Date.
 */
export function isoTimeFromMicroseconds(microseconds: bigint): string | undefined {
  const remainder = ((microseconds % 1_000n) + 1_000n) % 1_000n;
  const time = new Date(Number((microseconds - remainder) / 1_000n));
  if (Number.isNaN(time.getTime())) return undefined;
  const text = time.toISOString();
  return remainder === 0n ? text : text.replace("Z", `${String(remainder).padStart(3, "0")}Z`);
}

/** `YYYY-MM-DD`. */
export function utcDay(milliseconds: number): string {
  return isoTime(milliseconds).slice(0, 10);
}
