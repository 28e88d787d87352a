import { nextSlot, slotText } from "../../core/schedule.ts";
import type { Trigger } from "../../core/trigger.ts";

/** What starts a workflow, with the time when a schedule comes next. */
export function triggerJson(trigger: Trigger) {
  return trigger.type === "schedule" ? { ...trigger, nextSlot: nextSlotText(trigger) } : trigger;
}

export function triggerText(trigger: Trigger): string {
  switch (trigger.type) {
    case "fileDrop":
      return `file drop ${trigger.bucket === undefined ? "" : `${trigger.bucket}/`}${trigger.pattern}`;
    case "schedule":
      return `schedule "${trigger.cron}" ${trigger.timeZone}, next ${nextSlotText(trigger)}`;
  }
}

function nextSlotText(trigger: Trigger & { readonly type: "schedule" }): string | null {
  const slot = nextSlot(trigger, Date.now());
  return slot === undefined ? null : slotText(slot);
}
