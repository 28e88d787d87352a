import type { JsonValue } from "../../core/json.ts";
import type { Schedule } from "../../core/schedule.ts";

/** One item as it was read, with the place it has, for people. */
export interface ReadItem {
  readonly where: string;
  readonly value: JsonValue;
  /** The slot of a schedule that it is of: its batch is that of the slot. */
  readonly slot?: ScheduleSlot;
}

interface ScheduleSlot {
  readonly schedule: Schedule;
  readonly instant: number;
}

/** Something that should be an item and can't be read. */
export interface UnreadableItem {
  readonly where: string;
  readonly problem: string;
}

/** Where items come from. */
export interface ItemSource {
  /** All items, from the first; each call begins anew. */
  read(): AsyncIterable<ReadItem | UnreadableItem>;
  close(): Promise<void>;
}
