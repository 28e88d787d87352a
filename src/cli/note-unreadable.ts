import type { Session } from "./session.ts";

/** Says how many documents a list lacks. */
export function noteUnreadable(session: Session, unreadable: number): void {
  if (unreadable > 0)
    session.note(`${unreadable} documents can't be read by this version, and were skipped.`);
}
