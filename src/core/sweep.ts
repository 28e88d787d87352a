import { hashJson } from "./canonical.ts";
import { limits } from "./limits.ts";

export interface Look {
  readonly id: string;
  readonly ageMs: number;
  /** By the store's clock, in milliseconds since 1970. */
  readonly now: number;
  /** Time between two passes; undefined: looks cost nothing, so every pass looks at everything. */
  readonly passSeconds: number | undefined;
}

/**
 * Whether this pass looks at a batch. A look reads all its TaskLogs, which is paid for by the document, and a batch that waits
 * for days would be looked at ten thousand times.
 */
export function isLookDue({ id, ageMs, now, passSeconds }: Look): boolean {
  if (passSeconds === undefined) return true;
  const passMs = passSeconds * 1_000;
  const pauseMs = Math.min(limits.lookPauseSeconds * 1_000, ageMs / limits.lookShareOfAge);
  const passesBetween = Math.max(1, Math.floor(pauseMs / passMs));
  const pass = Math.floor(now / passMs);
  // Drawn anew in each pass: a batch whose turn were fixed would never have it, should passes come at other times.
  const draw = Number.parseInt(hashJson([id, pass]).slice(0, 8), 16);
  return draw % passesBetween === 0;
}
